-- Which nodes are being emptied or are empty on purpose, and what was moved away from them: a file
-- of the state directory of the host on which `takeover drain` is used. It only keeps placements
-- away; what is true of devices and machines is never taken from it.
local fs = require("fs")
local json = require("json")
local loop = require("loop")

local M = {}

local FILE, SIZE_MAX = "drained.json", "1MiB"

local function path_of(state)
  return state .. "/" .. FILE
end

local function is_entry(value)
  return type(value) == "table" and type(value.vms) == "table"
    and math.type(value.since) == "integer"
end

-- { [node] = { since = seconds since 1970, vms = { names } } }; raises FS_FAILED where the file is
-- there and cannot be read, CONFIG where it is not what it should be.
---@param state string directory
---@return table<string, { since: integer, vms: string[] }>
function M.read(state)
  if not fs.find(path_of(state)) then
    return {}
  end
  local ok, value = loop.guard(json.decode, fs.read(path_of(state), { max = SIZE_MAX }))
  local good = ok and type(value) == "table"
  for name, entry in pairs(good and value or {}) do
    good = good and type(name) == "string" and is_entry(entry)
  end
  if not good then
    require("failure").raise({
      code = "CONFIG", target = path_of(state),
      message = path_of(state) .. " is not what `takeover drain` wrote",
      hint = "remove it; then no node counts as drained",
    })
  end
  return value
end

local function write(state, entries)
  if next(entries) == nil then
    fs.remove(path_of(state))
    return
  end
  if not fs.find(state) then
    fs.private_directory(state)
  end
  fs.write(path_of(state), json.encode(entries, { pretty = true }) .. "\n", { mode = "0600" })
end

-- Marks a node; machines that were moved away in an earlier drain stay known.
---@param state string
---@param node string
---@param vms string[]
---@param now integer seconds since 1970
function M.add(state, node, vms, now)
  local entries = M.read(state)
  local entry = entries[node] or { since = now, vms = {} }
  local known = {}
  for _, vm in ipairs(entry.vms) do
    known[vm] = true
  end
  for _, vm in ipairs(vms) do
    if not known[vm] then
      table.insert(entry.vms, vm)
    end
  end
  entry.vms = json.array(entry.vms)
  entries[node] = entry
  write(state, entries)
end

-- Takes the mark away. Gives it, nil where there was none.
---@return { since: integer, vms: string[] }?
function M.remove(state, node)
  local entries = M.read(state)
  local entry = entries[node]
  if entry then
    entries[node] = nil
    for _, other in pairs(entries) do
      other.vms = json.array(other.vms)
    end
    write(state, entries)
  end
  return entry
end

return M
