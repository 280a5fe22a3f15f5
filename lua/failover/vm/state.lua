-- What several steps ask of the virtual machine on this node. Only looks.
local failure = require("failure")
local failover = require("failover")
local vm_files = require("failover.vm.files")

local M = {}

-- The registered machine, nil when there is none.
function M.registered(c)
  local id = vm_files.identify(c)
  return id and c.hyperv:find_vm(id) or nil
end

-- The same where it was seen a moment ago and something is to be done to it: that it is not listed
-- now is passing.
function M.seen_before(c)
  return M.registered(c) or failover.fail("WMI_EMPTY", "%s does not list %s, which was registered "
    .. "there a moment ago", c.node, c.vm_name)
end

-- Is what Hyper-V shows on some node this machine of parameters.lua? By id where that is given.
function M.is(vm, key, ours)
  if ours.id then
    return vm.id == ours.id
  end
  return vm.name:lower() == (ours.name or key):lower()
end

-- An imported, not yet registered one.
function M.planned(c)
  for _, vm in ipairs(c.hyperv:planned_vms()) do
    if vm.id == c.vm_id then
      return vm
    end
  end
end

-- A registration of the same id elsewhere in the file system is somebody else's: nothing is
-- removed or reused.
function M.check_same_place(c, vm)
  local root = c.hyperv:settings(vm).root
  if root and not vm_files.same(root, c.vm.path) then
    failure.raise({
      code = "REFUSED", node = c.node,
      message = string.format("%s is registered on %s with its configuration in %s, not in %s",
        vm.name, c.node, root, c.vm.path),
      hint = "which of the two is the right one? Remove the other registration in Hyper-V Manager, "
        .. "or mend vms." .. c.vm_name .. ".path",
    })
  end
end

-- Has Windows a process for the machine on this node? Then it is on, whatever Hyper-V says.
function M.has_process(c, id)
  local readable = true
  for _, worker in ipairs(c.hyperv:workers()) do
    if worker.id == id then
      return true
    end
    readable = readable and worker.id ~= nil
  end
  for _, vm in ipairs(readable and {} or c.hyperv:vms()) do -- told by their numbers
    if vm.id == id then
      return vm.process ~= nil
    end
  end
  return false
end

-- Cleanly stopped on this node: gone, or off with no device assigned. Returns whether, and a
-- sentence.
function M.stopped(c)
  local vm = M.registered(c)
  if not vm then
    return true, c.vm_name .. " is not registered on " .. c.node
  end
  if vm.state == "off" and M.has_process(c, vm.id) then
    failover.fail("WMI_EMPTY", "%s is said to be off on %s, but its process is there", c.vm_name,
      c.node)
  end
  if vm.state == "off" and #c.hyperv:assigned(vm) == 0 then
    return true, c.vm_name .. " is off"
  end
  return false
end

local ways_off = {
  saved = 'Remove-VMSavedState "%s" there: a machine with a GPU cannot go on from a saved state',
  paused = 'Stop-VM "%s" -TurnOff there, or Resume-VM if it is to go on',
  critical = 'connect the storage of "%s" there again, or turn it off: Stop-VM -TurnOff',
}

-- What people do to bring a machine into the state from which it can be started; nil where its
-- state passes by itself.
---@return string?
function M.way_off(vm)
  local way = ways_off[vm.state]
  return way and way:format(vm.name)
end

-- Hyper-V cannot reach its files: only turning off and deleting are possible.
function M.unreachable_storage(vm)
  return vm.state == "critical" or vm.status == "degraded"
end

-- Raises what says so; it passes, for the storage may come back.
function M.wait_for_storage(c, vm)
  failure.raise({
    code = "HYPERV_STATE", target = vm.id, transient = true,
    message = vm.name .. " is registered here, but its configuration storage is not reachable",
    hint = "is the shared disk connected to " .. c.node .. " (look in EXPRESSCLUSTER)? Then "
      .. "the same command again",
  })
end

return M
