-- Why Hyper-V may not open what a machine needs, and the line that mends it: rights on its disks,
-- which a move to another host or a restore loses, and the key protector of a virtual TPM, which
-- only the host knows that made it. Sources: docs/facts/hyperv-wmi.md#1.11.
local failover = require("failover")

local M = {}

-- The security identifier of a machine: the name "NT VIRTUAL MACHINE\<id>" is known only where the
-- machine is registered, this everywhere. Its last four numbers are the 16 bytes of the GUID.
---@param id string GUID
---@return string
function M.sid(id)
  local a, b, c, d = id:match("^(%x+)%-(%x+)%-(%x+)%-(%x+%-%x+)$")
  local function number(hex)
    return tonumber(hex, 16)
  end
  local function reversed(hex) -- four bytes, the least significant first
    return number((hex:gsub("(%x%x)(%x%x)(%x%x)(%x%x)", "%4%3%2%1")))
  end
  d = d:gsub("%-", "")
  return ("S-1-5-83-1-%d-%d-%d-%d"):format(number(a), number(c) << 16 | number(b),
    reversed(d:sub(1, 8)), reversed(d:sub(9, 16)))
end

-- The line that lets a machine read and write a file.
---@return string
function M.line(id, path)
  return ('icacls "%s" /grant *%s:(R,W)'):format(path, M.sid(id))
end

-- For every disk of the machine, as Hyper-V has them in its settings.
local function lines(c, vm)
  local list = {}
  for _, disk in ipairs(failover.try(c.hyperv.disks, c.hyperv, vm) or {}) do
    list[#list + 1] = disk.kind == "disk" and M.line(vm.id, disk.path) or nil
  end
  return #list > 0 and table.concat(list, "; ") or M.line(vm.id, "its .vhdx file")
end

local KEY_PROTECTOR = "its virtual TPM is sealed by a certificate of another host: export those of "
  .. "the store \"Shielded VM Local Certificates\" there, with their keys, and import them here"

-- Powers the machine on; what Hyper-V may not open is told with what to do.
function M.start(c, vm)
  local changed, failed = failover.try(c.hyperv.start, c.hyperv, vm)
  if changed ~= nil then
    return changed
  elseif failed.message:lower():find("key protector", 1, true) then
    failed.hint = KEY_PROTECTOR
  elseif failed.code == "HYPERV_ACCESS" then
    failed.hint = "as administrator on " .. c.node .. ": " .. lines(c, vm)
  end
  error(failed, 0)
end

return M
