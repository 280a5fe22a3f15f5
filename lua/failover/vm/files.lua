-- Where the configuration of a virtual machine lies, and which id it has. Layout of Hyper-V
-- (docs/facts/hyperv-wmi.md#1.6):
--   <path>\Virtual Machines\<GUID>.vmcx     live; deleted by Hyper-V when the machine is
-- unregistered
--   <path>\Virtual Machines.takeover        our copy, complete and compared
--   <path>\Virtual Machines.takeover-new    a copy being made
local failover = require("failover")

local M = {}

local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

function M.directories(c)
  local root = c.vm.path:gsub("[\\/]+$", "")
  local live = root .. "\\Virtual Machines"
  return { root = root, live = live, copy = live .. ".takeover", new = live .. ".takeover-new" }
end

-- Windows paths and GUIDs compare without case (ASCII is enough here), and without a slash at
-- the end.
function M.same(a, b)
  local function plain(text)
    return (text:gsub("/", "\\"):gsub("\\+$", ""):lower())
  end
  return a and b and (a == b or plain(a) == plain(b)) or false
end

local function definitions(files, directory)
  local found = {}
  for _, file in ipairs(files:list(directory)) do
    local id = file.name:match("^(.*)%.[vV][mM][cC][xX]$")
    if id and id:find(GUID) then
      found[#found + 1] = { id = id:upper(), path = file.path }
    end
  end
  return found
end

local function pick(c, found, directory)
  if c.vm.id then
    for _, one in ipairs(found) do
      if one.id == c.vm.id then
        return one
      end
    end
    return nil
  end
  if #found <= 1 then
    return found[1]
  end
  local wanted = c.vm.name or c.vm_name
  for _, one in ipairs(found) do
    if c.hyperv:definition(one.path).name == wanted then
      return one
    end
  end
  failover.fail("HYPERV_NO_DEFINITION", "%d configurations are in %s, and none is of %s", #found,
    directory, wanted)
end

-- The configuration file to import: the live one, else our copy. { id, path, live } or nil and
-- why not.
function M.definition(c)
  local places = M.directories(c)
  for _, directory in ipairs({ places.live, places.copy, places.new }) do
    local one = pick(c, definitions(c.files, directory), directory)
    if one then
      one.live = directory == places.live
      return one
    end
  end
  return nil, "no configuration file is in " .. places.live .. " (is the disk here?)"
end

-- Finds out c.vm_id, from parameters.lua, from the files, or from what is registered here. False
-- when nobody knows.
function M.identify(c)
  if not c.vm_id then
    local one = not c.vm.id and M.definition(c)
    if c.vm.id or one then
      c.vm_id = c.vm.id or one.id
    else
      local vm = c.hyperv:find_vm(c.vm.name or c.vm_name)
      c.vm_id = vm and vm.id or false
    end
  end
  return c.vm_id
end

-- Files of checkpoints in the machine's own folder. Hyper-V deletes their configuration with the
-- machine's when that is unregistered, and the copy of the configuration does not have them.
---@return integer
function M.checkpoints(c)
  local root, count = M.directories(c).root, 0
  for _, file in ipairs(c.files:list(root .. "\\Snapshots")) do
    count = count + (file.name:lower():find("%.vmcx$") and 1 or 0)
  end
  return count
end

-- Is `copy` a complete copy of `original`? The same names and sizes, and no file of the copy older
-- than its original: whether copying keeps a file's time is unverified, so both are fine.
function M.is_copy(c, original, copy)
  local left, right = c.files:list(original), c.files:list(copy)
  if #left ~= #right or #left == 0 then
    return false
  end
  local seen = {}
  for _, file in ipairs(right) do
    seen[file.name:lower()] = file
  end
  for _, file in ipairs(left) do
    local other = seen[file.name:lower()]
    if not other or other.size ~= file.size or other.modified < file.modified then
      return false
    end
  end
  return true
end

return M
