-- Facts about the configuration: found, backed up, imported, registered here without anything
-- stale, fit for a GPU.
local failover = require("failover")
local failure = require("failure")
local needs = require("failover.vm.requirements")
local vm_files = require("failover.vm.files")
local vm_state = require("failover.vm.state")
local step = failover.step

-- Files may be many, or busy for minutes.
local function half(_, left)
  return left / 2
end

-- A registration whose live files another node has deleted, while the copy is there to import from.
local function outlived(c, vm)
  local definition = vm_state.unreachable_storage(vm) and vm_files.definition(c)
  return definition and not definition.live
end

-- With a saved state no device can be assigned, and what the guest's memory holds is lost with it:
-- that is for people.
local function refuse_saved(c, vm)
  failure.raise({
    code = "REFUSED", target = vm.id,
    message = string.format("%s is saved on %s, and with a saved state it can have no device",
      vm.name, c.node),
    hint = string.format("start it once by hand and shut its guest down (Start-VM, Stop-VM -Name "
      .. "%s), or give up what its memory holds: Remove-VMSavedState -VMName %s", vm.name, vm.name),
  })
end

local known = step "VM's configuration found" {
  within = 30,
  remedy = "is the shared disk connected to {node} (look in EXPRESSCLUSTER), and is vms.{vm}.path "
    .. "right?",
  holds = function(c)
    if c.ecx.disk == "failure" then
      failure.raise({
        code = "REFUSED", node = c.node,
        message = "EXPRESSCLUSTER could not connect the disk (CLP_DISK=FAILURE)",
        hint = "look at the disk resource of its group in EXPRESSCLUSTER, and at the disk of "
          .. c.node,
      })
    end
    local id = vm_files.identify(c)
    if not id then
      local _, why = vm_files.definition(c)
      return false, why
    end
    local vm = c.hyperv:find_vm(id)
    if vm then
      vm_state.check_same_place(c, vm)
      if vm.state == "saved" then
        refuse_saved(c, vm)
      elseif vm_state.unreachable_storage(vm) and not outlived(c, vm) then
        vm_state.wait_for_storage(c, vm)
      end
      return true
    end
    local definition, why = vm_files.definition(c)
    return failover.answer(definition ~= nil, why)
  end,
}

-- Makes one change to the files. A failed one does not matter when the files are as they should be:
-- a call of a run that was killed can arrive late and do it first.
local function change_files(c, verb, from, to, original)
  local _, failed = failover.try(c.files[verb], c.files, from, to)
  if not vm_files.is_copy(c, original, to) then
    if failed then
      error(failed, 0)
    end
    failover.fail("FS_FAILED", "the copy of %s is not equal to it", original)
  end
end

-- `is_enough(c, places, vm)`: is the copy that is there good enough?
local function backup(is_enough)
  return step "VM's configuration backed up" {
    within = 120,
    remedy = "make room on the machine's disk, and let programs end that have its files open",
    keeps = "the copy of the configuration (Virtual Machines.takeover), which the next start needs",
    lasts = half,
    least = 3,
    when = function(c)
      return c.vm.backup
    end,
    holds = function(c)
      local vm = vm_state.registered(c)
      local places = vm_files.directories(c)
      if #c.files:list(places.live) == 0 then
        return true, "there are no live files"
      end
      return failover.answer(is_enough(c, places, vm), "the copy is missing or older")
    end,
    act = function(c)
      local places = vm_files.directories(c)
      if not vm_files.is_copy(c, places.live, places.new) then
        c.files:delete_directory(places.new)
        change_files(c, "copy_directory", places.live, places.new, places.live)
      end
      if c.files:find_directory(places.copy) then
        if vm_files.is_copy(c, places.live, places.copy) then
          return
        end
        c.files:delete_directory(places.copy)
      end
      change_files(c, "rename_directory", places.new, places.copy, places.live)
    end,
  }
end

-- Before a registration is removed: the copy is all that is left then. Asked of a running machine
-- (by plan) the answer is what stop will find.
local backed_up = backup(function(c, places)
  return vm_files.is_copy(c, places.live, places.copy)
end)

-- Before a machine is registered. One that is registered already stays so, and its live files are
-- younger than any copy as soon as its settings change: an older copy will do until it leaves.
local has_copy = backup(function(c, places, vm)
  if vm and vm.state ~= "off" then
    return true -- its files are in use
  end
  return vm and #c.files:list(places.copy) > 0 or vm_files.is_copy(c, places.live, places.copy)
end)

-- Only a registration without any live file is removed: there is nothing that Hyper-V could
-- delete with it.
local without_stale_registration = step "no stale registration of the VM on this node" {
  within = 60,
  keeps = "a registration without files is gone: the copy is imported in its place",
  least = 2,
  holds = function(c)
    local vm = vm_state.registered(c)
    return failover.answer(not (vm and outlived(c, vm)), "its files were deleted by another node")
  end,
  act = function(c)
    c:note("removing a registration whose files another node has deleted; its copy is imported")
    c.hyperv:unregister(vm_state.seen_before(c))
  end,
}

-- What the next steps prepare: nil once the machine is registered.
local function pending(c)
  return not vm_state.registered(c) and vm_state.planned(c) or nil
end

-- A planned machine that an earlier run left is not trusted: the file may have changed since.
local imported = step "VM's configuration imported" {
  within = 120,
  lasts = half,
  least = 5,
  holds = function(c)
    return vm_state.registered(c) ~= nil or (c.memory.imported or false)
      and vm_state.planned(c) ~= nil
  end,
  act = function(c)
    local left = vm_state.planned(c)
    if left then
      c.hyperv:discard(left)
    end
    local definition, why = vm_files.definition(c)
    if not definition then
      failover.fail("HYPERV_NO_DEFINITION", "%s", why)
    end
    c.memory.imported = true
    c.hyperv:import(definition.path, { snapshots = vm_files.directories(c).root .. "\\Snapshots" })
  end,
  undo = function(c)
    local left = pending(c)
    if left then
      c.hyperv:discard(left)
    end
  end,
}

local function missing_adapters(c, vm)
  local missing = {}
  for _, adapter in ipairs(c.hyperv:adapters(vm)) do
    if adapter.connected and not adapter.present then
      missing[#missing + 1] = adapter
    end
  end
  return missing
end

-- Without this Hyper-V would write the configuration to its default folder
-- (docs/facts/hyperv-wmi.md#1.6).
local in_place = step "VM's configuration in its place" {
  within = 60,
  keeps = false, -- gone with the import
  holds = function(c)
    local vm = pending(c)
    if not vm then
      return failover.answer(vm_state.registered(c) ~= nil, "it is not imported")
    end
    if not vm_files.same(c.hyperv:settings(vm).root, c.vm.path) then
      return false, "its configuration would be written elsewhere"
    end
    local missing = missing_adapters(c, vm)
    return failover.answer(#missing == 0, missing[1] and "this node has no switch "
      .. tostring(missing[1].switch))
  end,
  act = function(c)
    local vm, root = pending(c), vm_files.directories(c).root
    if not vm then
      return
    end
    c.hyperv:configure(vm, { root = root, snapshot_root = root, swap_root = root })
    for _, adapter in ipairs(missing_adapters(c, vm)) do
      if c.vm.missing_switch ~= "disconnect" then
        failure.raise({
          code = "REFUSED", node = c.node,
          message = string.format("%s has no virtual switch %s, which %s wants", c.node,
            tostring(adapter.switch), vm.name),
          hint = string.format('make a switch of this name there (New-VMSwitch), or '
            .. 'missing_switch = "disconnect" in parameters.lua'),
        })
      end
      c:note(string.format("disconnecting a network adapter: %s has no virtual switch %s", c.node,
        tostring(adapter.switch)))
      c.hyperv:disconnect_adapter(vm, adapter.id)
    end
  end,
}

-- A saved state whose file is gone, after a host crashed (docs/facts/hyperv-wmi.md#1.7).
local SAVED_STATE = { ["40004"] = true, ["40006"] = true }

local function problem_text(problems)
  local texts = {}
  for i, problem in ipairs(problems) do
    texts[i] = problem.message .. " (" .. problem.code .. ")"
  end
  return table.concat(texts, "; ")
end

local valid = step "VM's configuration valid here" {
  within = 120,
  keeps = false, -- gone with the import
  least = 3,
  holds = function(c)
    local vm = pending(c)
    if not vm then
      return failover.answer(vm_state.registered(c) ~= nil, "it is not imported")
    end
    local verdict = c.hyperv:validate(vm)
    if verdict.ok then
      return true
    end
    for _, problem in ipairs(verdict.problems) do
      if not SAVED_STATE[problem.code] then
        failover.fail("HYPERV_INVALID", "%s does not fit %s: %s", vm.name, c.node,
          problem_text(verdict.problems))
      end
    end
    return false, problem_text(verdict.problems)
  end,
  act = function(c)
    local vm = pending(c)
    if vm then
      c:note("clearing a saved state whose files are gone (40004/40006)", { vm = c.vm_id })
      c.hyperv:clear_saved_state(vm)
    end
  end,
}

local function has_backup(c)
  return #c.files:list(vm_files.directories(c).copy) > 0
end

local is_registered = step "VM registered on this node" {
  within = 120,
  remedy = "look at {name} in Hyper-V Manager on {node}; if it is not there: Restart-Service vmms "
    .. "(running machines go on), then the same command again",
  keeps = function(c)
    return c.memory.registered_by_us and "the configuration lies in the copy (Virtual Machines."
      .. "takeover), from which the next start imports it"
  end,
  lasts = half,
  least = 5,
  holds = function(c)
    local vm = vm_state.registered(c)
    if not vm then
      return false, "it is not registered"
    end
    vm_state.check_same_place(c, vm)
    return true
  end,
  act = function(c)
    local vm = vm_state.planned(c)
    if not vm then
      failover.fail("HYPERV_VM_NOT_FOUND", "the imported configuration of %s has vanished",
        c.vm_name)
    end
    c.memory.registered_by_us = true
    c.hyperv:realize(vm)
  end,
  undo = function(c)
    local vm = vm_state.registered(c)
    if not vm and c.memory.registered_by_us and not vm_state.planned(c) then
      failover.fail("WMI_EMPTY", "%s shows neither the registration of %s that this run has made "
        .. "nor what it was made of", c.node, c.vm_name)
    end
    if vm and c.memory.registered_by_us then
      if not has_backup(c) then
        failover.refuse("%s stays registered: without a copy its configuration would be lost",
          c.vm_name)
      end
      c.hyperv:unregister(vm)
    end
  end,
}

-- Records of devices that are gone, of exactly the models that this machine is to have.
local function stale(c)
  local found = {}
  for _, assignment in ipairs(c.hyperv:assigned(c.vm_id)) do
    if not assignment.present then
      for _, gpu in ipairs(c.gpus or c.vm.gpus) do
        if assignment.vendor == gpu.vendor and assignment.device == gpu.device then
          found[#found + 1] = assignment
        end
      end
    end
  end
  return found
end

local without_stale_devices = step "VM without stale devices" {
  within = 60,
  keeps = "records of devices that are gone are out of its settings: with them it could not start",
  holds = function(c)
    local vm = vm_state.registered(c)
    if not vm then
      return false, "it is not registered"
    end
    if vm.state ~= "off" then
      return true
    end
    local left = stale(c)
    return failover.answer(#left == 0, #left .. " records name devices that are gone")
  end,
  act = function(c)
    for _, assignment in ipairs(stale(c)) do
      c:note("removing the record of a device that is gone: " .. tostring(assignment.instance
        or assignment.id))
      c.hyperv:unassign(c.vm_id, assignment.id)
    end
  end,
}

local function wanted_settings(c)
  return {
    stop_action = "turn off", start_action = "none", cache_types = true,
    low_mmio = c.vm.mmio.low, high_mmio = c.vm.mmio.high,
  }
end

local function wrong_settings(c, settings)
  local wrong = {}
  for key, value in pairs(wanted_settings(c)) do
    if settings[key] ~= value then
      wrong[#wrong + 1] = key .. " is " .. tostring(settings[key]) .. ", not " .. tostring(value)
    end
  end
  table.sort(wrong)
  return wrong
end

-- Turn off as stop action, guest-controlled cache types and room for the device's memory:
-- without them Hyper-V
-- refuses the device (docs/facts/hyperv-wmi.md#5).
local ready_for_gpu = step "VM's settings allow a GPU" {
  within = 60,
  keeps = "the machine's settings for a GPU (stop action, cache types, MMIO space), which do no "
    .. "harm without one",
  holds = function(c)
    local vm = vm_state.registered(c)
    if not vm then
      return false, "it is not registered"
    end
    local settings = c.hyperv:settings(vm)
    if settings.dynamic_memory and not c.memory.needs_noted then
      c.memory.needs_noted = true
      local need = needs.remarks(settings, vm.name)[1]
      c:note(("%s: %s; %s"):format(vm.name, need.text, need.line))
    end
    local wrong = wrong_settings(c, settings)
    return failover.answer(#wrong == 0, table.concat(wrong, "; "))
  end,
  act = function(c)
    local vm = vm_state.seen_before(c)
    if vm.state ~= "off" then
      failure.raise({
        code = "REFUSED", node = c.node,
        message = string.format("%s is %s; its settings change only while it is off", vm.name,
          vm.state),
        hint = vm_state.way_off(vm) or string.format("stop it first: takeover stop %s", c.vm_name),
      })
    end
    c.hyperv:configure(vm, wanted_settings(c))
  end,
}

return {
  known = known,
  backed_up = backed_up,
  has_copy = has_copy,
  without_stale_registration = without_stale_registration,
  imported = imported,
  in_place = in_place,
  valid = valid,
  registered = is_registered,
  without_stale_devices = without_stale_devices,
  ready_for_gpu = ready_for_gpu,
}
