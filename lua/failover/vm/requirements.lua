-- What a virtual machine must be like to have a GPU, beyond what start and prepare set themselves
-- (stop and start action, cache types, the MMIO sizes of parameters.lua). Each remark has the line
-- of PowerShell that mends it. Sources: docs/facts/hyperv-wmi.md#1.3 and #5. What it calls
-- unverified is a remark here, never a refusal.
local values = require("failover.parameters.values")

local M = {}

local MIB = 2 ^ 20

---@class Need
---@field text string what is not as it should be, and why
---@field line string of PowerShell, which mends it while the machine is off

local function add(list, name, text, line)
  list[#list + 1] = { text = text, line = line:format((name:gsub("'", "''"))) }
end

-- What Hyper-V's settings of a machine leave to be desired.
---@param settings VmSettings
---@param name string of the machine
---@return Need[]
function M.remarks(settings, name)
  local list = {}
  if settings.dynamic_memory then
    add(list, name, "its memory is dynamic, and that of a machine with a device is pinned",
      "Set-VMMemory -VMName '%s' -DynamicMemoryEnabled $false")
  end
  if settings.checkpoints and settings.checkpoints ~= "disabled" then
    add(list, name, "checkpoints are on (" .. settings.checkpoints
      .. "), and a machine with a device has no saved state",
      "Set-VM -Name '%s' -CheckpointType Disabled")
  end
  return list
end

local function power_of_two(bytes)
  local size = 1
  while size < bytes do
    size = size * 2
  end
  return size
end

-- Address space above 4 GiB that devices may want: each maps at most its memory, and PCI rounds the
-- size of a window up to a power of two. Nil where nothing tells how much memory they have. Cards
-- without a resizable window want less.
---@param devices table<string, table> of the parameters
---@param ids string[]
---@return integer? bytes
function M.high_mmio(devices, ids)
  local bytes = 0
  for _, id in ipairs(ids) do
    local memory = devices[id] and devices[id].memory
    bytes = bytes + (memory and power_of_two(memory) or 0)
  end
  return bytes > 0 and math.tointeger(bytes) or nil
end

-- A sentence where the machine's high MMIO space may be too small for its devices.
---@param vm table of the parameters
---@param devices table<string, table> of the parameters
---@param ids string[]
---@return string?
function M.small_mmio(vm, devices, ids)
  local wanted = M.high_mmio(devices, ids)
  local has = vm.mmio and vm.mmio.high
  if not wanted or not has then
    return nil
  end
  local number, unit = has:match("^(%d+)(%a+)$")
  local bytes = tonumber(number) * (unit == "GiB" and 1024 or 1) * MIB
  if bytes >= wanted then
    return nil
  end
  local size = values.size_of(wanted)
  return ("mmio.high of %s is %s, and devices with that much memory may want %s: if the start "
    .. "fails for lack of resources, write high = \"%s\""):format(vm.key or "it", has, size, size)
end

return M
