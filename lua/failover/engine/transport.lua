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

local WSMAN_ONLY = {
  "url", "auth", "ca", "insecure", "keytab", "ticket", "allow_unencrypted",
}

-- Whether a host, or that of a URL, is a number.
local function is_address(place)
  place = place:gsub("^%a+://", "")
  return place:find("^%d+%.%d+%.%d+%.%d+") ~= nil or place:find("^%[") ~= nil
    or place:find(":[^:]*:") ~= nil
end

-- What COM on the own computer does not take.
local function without_place(options)
  for _, keys in ipairs({ WSMAN_ONLY, { "host", "user", "password" } }) do
    for _, key in ipairs(keys) do
      options[key] = nil
    end
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
  if wanted == "dcom" then
    for _, key in ipairs(WSMAN_ONLY) do
      options[key] = nil
    end
    options.host = node.wmi.host or node.address or node.name
    return options
  end
  if wanted == "local" then
    options.transport = nil
  end
  if not (options.user or options.auth or options.url) and has(place.transports, "local") then
    options.auth = "negotiate" -- as the running account: of a cluster's script the computer's own
  end
  if options.auth ~= "basic" and is_address(options.host or options.url or "") then
    options.host_name = node.host_name or node.name -- Kerberos knows no addresses
  end
  return options
end

return M
