-- How the WMI of a node is reached: through COM where that is this very computer and it runs
-- Windows, else over WS-Management.
--
-- wmi.transport of the parameters   this node        another node
--   not given                       "local" if ...   "wsman"          ... nothing says otherwise
--   "local"                         "local"          "wsman"
--   "dcom"                          "local"          "dcom"
--   "wsman"                         "wsman"          "wsman"
--
-- Not given, "local" is taken only where no url or host is told and this computer has the node's
-- name: `--node ms1` on a laptop must never end in the laptop's own Hyper-V.
local M = {}

local function first_part(name)
  return name:lower():match("^[^.]+") or name:lower()
end

-- What COM on the own computer does not take.
local function without_place(options)
  for _, key in ipairs({ "url", "host", "user", "password", "auth", "ca", "insecure" }) do
    options[key] = nil
  end
  options.transport = "local"
  return options
end

---@class Here
---@field name string this computer's name
---@field transports string[] what this program has

local here

---@return Here
function M.here()
  here = here or { name = require("loop").hostname(), transports = require("wmi").transports() }
  return here
end

local function has(list, wanted)
  for _, name in ipairs(list) do
    if name == wanted then
      return true
    end
  end
  return false
end

-- Options for wmi.open, without namespace; password as it is in the parameters.
---@param node table of the parameters, normalised
---@param own boolean whether it is the node that this run is for
---@param place Here
---@return table
function M.options(node, own, place)
  local options = {}
  for key, value in pairs(node.wmi) do
    options[key] = value
  end
  local wanted = options.transport
  if own and (wanted == "local" or wanted == "dcom") then
    return without_place(options)
  elseif own and wanted == nil and not node.wmi_place_told and has(place.transports, "local")
    and first_part(place.name) == first_part(node.name) then
    return without_place(options)
  end
  if wanted == "local" then
    options.transport = nil
  elseif wanted == "dcom" then
    options.url, options.auth, options.ca, options.insecure = nil, nil, nil, nil
    options.host = node.wmi.host or node.address or node.name
  end
  return options
end

return M
