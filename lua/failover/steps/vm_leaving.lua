-- Facts about leaving a node, on stop and when a node comes back: nothing assigned, not
-- registered, nothing left over.
local failover = require("failover")
local evidence = require("failover.safety.evidence")
local vm_files = require("failover.vm.files")
local vm_state = require("failover.vm.state")
local step = failover.step

-- What is assigned here belongs to this node: elsewhere each record would be stale.
local without_devices = step "VM without assigned devices" {
  within = 60,
  keeps = "its devices are out of its settings: the next start assigns one",
  optional = true,
  holds = function(c)
    local vm = vm_state.registered(c)
    if not vm then
      return true, "it is not registered here"
    end
    local left = c.hyperv:assigned(vm)
    return failover.answer(#left == 0, #left .. " devices are assigned")
  end,
  act = function(c)
    local vm = vm_state.registered(c)
    if vm and vm_state.unreachable_storage(vm) then
      failover.refuse("%s keeps its devices: its configuration storage is not reachable", vm.name)
    end
    c.memory.had = c.memory.had or {} -- by which its devices are known when it has them no more
    for _, assignment in ipairs(c.hyperv:assigned(c.vm_id)) do
      if assignment.present and assignment.location then
        c.memory.had[assignment.location:upper()] = string.format("%s:%s", assignment.vendor,
          assignment.device)
      end
      c.hyperv:unassign(c.vm_id, assignment.id)
    end
  end,
}

local unregistered = step "VM not registered on this node" {
  within = 60,
  keeps = "it is not registered: the next start imports it from the copy",
  optional = true,
  when = function(c)
    return c.vm.unregister_on_stop and c.vm.backup
  end,
  holds = function(c)
    return failover.answer(vm_state.registered(c) == nil, "it is registered")
  end,
  act = function(c)
    local vm = vm_state.registered(c)
    if not vm then
      return
    end
    vm_state.check_same_place(c, vm)
    if vm_state.unreachable_storage(vm) then
      failover.refuse("%s stays registered: its configuration storage is not reachable", vm.name)
    end
    local places = vm_files.directories(c)
    if not vm_files.is_copy(c, places.live, places.copy) then
      failover.refuse("%s stays registered: there is no complete copy of its configuration",
        vm.name)
    end
    local checkpoints = vm_files.checkpoints(c)
    if checkpoints > 0 then
      failover.refuse("%s stays registered: it has %d checkpoints, whose configuration Hyper-V "
        .. "would delete and no copy has (Get-VMSnapshot -VMName '%s' | Remove-VMSnapshot merges "
        .. "them)",
        vm.name, checkpoints, vm.name)
    end
    c.hyperv:unregister(vm)
  end,
}

-- Removing a registration deletes the configuration files it can reach, so it happens only where
-- they are out of reach.
local not_stale_here = step "VM not registered here while its disk is elsewhere" {
  within = 60,
  keeps = "the registration is gone: its files are with the other node",
  holds = function(c)
    local vm = vm_state.registered(c)
    if not vm then
      return true, "it is not registered here"
    end
    vm_state.check_same_place(c, vm)
    if evidence.is_active(vm) then
      failover.refuse("%s is %s on %s: a node that came back must not run it", vm.name, vm.state,
        c.node)
    end
    if c.files:find_directory(vm_files.directories(c).root) then
      return true, "its files are on this node, so the registration is kept"
    elseif not vm_state.unreachable_storage(vm) then
      -- Hyper-V would delete files that are there after all.
      failover.fail("WMI_EMPTY", "%s shows no folder %s, but Hyper-V reaches the files of %s there",
        c.node, vm_files.directories(c).root, vm.name)
    end
    return false, "it is registered here, but its disk is elsewhere"
  end,
  act = function(c)
    c.hyperv:unregister(vm_state.seen_before(c))
  end,
}

-- A half-imported machine that is ours. Where the disk is elsewhere nobody knows the id: then the
-- only one of this name is meant; its files are out of reach, so nothing but the record can go.
local function leftover(c)
  if vm_files.identify(c) then
    return vm_state.planned(c)
  end
  local found
  for _, vm in ipairs(c.hyperv:planned_vms()) do
    if vm.name == (c.vm.name or c.vm_name) then
      if found then
        return nil
      end
      found = vm
    end
  end
  return found
end

local no_leftovers = step "no half-imported configuration on this node" {
  within = 60,
  keeps = "an unfinished import of an earlier run is gone: the files are as they were",
  holds = function(c)
    return failover.answer(leftover(c) == nil, "an import was not finished")
  end,
  act = function(c)
    c.hyperv:discard(leftover(c) or failover.fail("WMI_EMPTY", "%s does not list the unfinished "
      .. "import of %s, which was there a moment ago", c.node, c.vm_name))
  end,
}

return {
  without_devices = without_devices,
  unregistered = unregistered,
  not_stale_here = not_stale_here,
  no_leftovers = no_leftovers,
}
