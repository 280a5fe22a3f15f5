-- Facts about a GPU on this node: visible, without a driver, dismounted, assigned to the virtual
-- machine, in service.
local failover = require("failover")
local locator = require("failover.devices.locator")
local failure = require("failure")
local problem_codes = require("failover.devices.problem_codes")
local quarantine = require("failover.devices.quarantine")
local claim = require("failover.devices.claim")
local requests = require("failover.parameters.requests")
local vm_state = require("failover.vm.state")
local side_by_side = require("failover.engine.side_by_side")
local step = failover.step

-- What Windows reports of the chosen cards here, nil where that is no fault.
---@return string? text, string? remedy
local function problem_of(c)
  for _, gpu in ipairs(c.gpus or {}) do
    local text, remedy = problem_codes.of_devices(gpu.functions)
    if text then
      return text, remedy
    end
  end
end

-- Said once when the card has come, whatever comes of it: a card with a problem may be assigned all
-- the same, and the guest may get on with it.
local function remark_problem(c)
  local text, remedy = problem_of(c)
  if text and c.memory.problem_noted ~= text then
    c.memory.problem_noted = text
    c:note(text .. "; " .. remedy)
  end
end

-- A failure of plug and play, with what Windows reports of the card.
local function explained(c, failed)
  local text, remedy = problem_of(c)
  if text and failed.source == "pnp" and not failed.message:find(text, 1, true) then
    failed.message = failed.message .. "; " .. text
    failed.hint = failed.hint or remedy
  end
  return failed
end

-- What this host does not show at all, nil where it does: one whose services show nothing says
-- nothing of a card either, and the card must not be suspected for it. Every computer has PCI
-- devices. Asked only when a step has failed.
local function blindness(c)
  local devices = failover.try(function()
    return c.pnp:devices({ locations = false })
  end)
  if not devices or #devices == 0 then
    return "plug and play of " .. c.node .. " shows no PCI device at all"
  elseif not failover.try(c.hyperv.vms, c.hyperv) then
    return "Hyper-V of " .. c.node .. " does not show what there is"
  end
end

local present = step "GPU visible on this node" {
  within = function(_, left)
    return math.max(60, left / 20)
  end,
  remedy = "look at power and cables of the card and of its I/O box, then pnputil /scan-devices on "
    .. "{node}; of a card in another slot mend its locations in parameters.lua",
  keeps = false, -- Windows has looked for new devices
  holds = function(c)
    local there, why, missing = locator.locate_all(c)
    if not there then
      for _, gpu in ipairs(locator.chosen(c)) do
        -- Else we would wait for a card that somebody has moved away. That EEM does not answer
        -- just now is no reason to stop waiting.
        local device, failed = failover.try(locator.still_ours, c, gpu)
        if failed and failed.code == "SECOND_WRITER" then
          error(failed, 0)
        end
        quarantine.seen(gpu, device and gpu == missing and not gpu.moved_to)
      end
      return false, why
    end
    claim.arrived(c)
    remark_problem(c)
    return true
  end,
  act = function(c)
    if c.vm.rescan then
      c.pnp:rescan()
    end
  end,
  ended = function(c, failed, took)
    local blind = failed and blindness(c)
    if blind then
      c:note(blind)
    else
      quarantine.suspect_troubled(c, failed, took)
    end
  end,
}

local device_refuses = { HYPERV_NOT_ASSIGNABLE = true, WRONG_DEVICE = true }

local function suspect_refusing(c, failed)
  if failed and device_refuses[failed.code] and not blindness(c) then
    quarantine.suspect_handled(c, failed, device_refuses)
  end
end

local function off(device)
  return device.dismounted or device.status == "disabled"
end

-- A device that is shown as disabled, but keeps its driver until the node restarts, is not.
local function fail_if_restart_needed(c)
  if c.memory.restart_for then
    failover.fail("PNP_FAILED", "%s needs %s to restart before it is disabled",
      c.memory.restart_for, c.node)
  end
end

local function disable(c, id)
  local changed, restart_needed = failover.try(c.pnp.disable, c.pnp, id)
  if changed == nil then
    error(explained(c, restart_needed), 0)
  end
  c.memory.restart_for = c.memory.restart_for or restart_needed and id or nil
end

-- All functions of the card: its sound function must not keep a driver either.
local disabled = step "GPU driver disabled on this node" {
  within = 60,
  remedy = "end the programs that use the card on {node}, or disable it in Device Manager there; "
    .. "a driver that stays stuck needs a restart of {node}",
  holds = function(c)
    fail_if_restart_needed(c)
    local there, why = locator.locate_all(c)
    if not there then
      return false, why
    end
    for _, gpu in ipairs(locator.chosen(c)) do
      for _, device in ipairs(gpu.functions) do
        if not off(device) then
          return false, (device.name or device.id) .. " is enabled"
        end
      end
    end
    return true
  end,
  act = function(c)
    local jobs = {} -- each takes its time, and they do not wait for each other
    for _, gpu in ipairs(locator.chosen(c)) do
      gpu.disabled = gpu.disabled or {}
      for _, device in ipairs(gpu.functions) do
        if not off(device) then
          gpu.disabled[#gpu.disabled + 1] = device.id
          jobs[#jobs + 1] = {
            name = device.id,
            run = function()
              disable(c, device.id)
            end,
          }
        end
      end
    end
    side_by_side.run(jobs)
    fail_if_restart_needed(c)
  end,
  undo = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      for _, id in ipairs(gpu.disabled or {}) do
        local changed, failed = failover.try(c.pnp.enable, c.pnp, id)
        if changed == nil and failed.code ~= "PNP_NOT_FOUND" then
          error(failed, 0)
        end
      end
    end
  end,
}

local function located(c, gpu)
  if not gpu.location then
    return locator.locate(c, gpu)
  end
  return true
end

local dismounted = step "GPU dismounted from this node" {
  within = 60,
  remedy = "Get-VMHostAssignableDevice on {node} shows what Hyper-V lists; if the card stays out "
    .. "of it: Restart-Service vmms (running machines go on)",
  least = 3,
  holds = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      local there, why = located(c, gpu)
      if not there then
        return false, why
      end
      if not locator.assignable(c, gpu) then
        return false, gpu.title .. " is not in the list of assignable devices"
      end
    end
    return true
  end,
  act = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      if not gpu.dismounted then
        gpu.dismounted_by_us = true
        c.memory.handled = gpu
        c.hyperv:dismount({ instance = gpu.instance, location = gpu.location,
          force = c.vm.force_dismount })
      end
    end
  end,
  -- The node shows it dismounted before Hyper-V lists it: told so, mount waits for the list.
  undo = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      if gpu.dismounted_by_us and locator.locate(c, gpu) then
        c.hyperv:mount({ location = gpu.location, instance = gpu.instance })
      end
    end
  end,
  ended = suspect_refusing,
}

local function assignment_in(list, gpu)
  for _, assignment in ipairs(list) do
    if assignment.present and assignment.location == gpu.location then
      return assignment
    end
  end
end

-- What is asked last, all at the same time: of each card EEM's record, whether it is on this node
-- (and why not), and what the machine has.
local function last_look(c)
  local devices, places, assigned = {}, {}, {}
  side_by_side.run({
    {
      name = "eem",
      run = function()
        for _, gpu in ipairs(locator.chosen(c)) do
          devices[gpu] = locator.still_ours(c, gpu)
        end
      end,
    },
    {
      name = "node",
      run = function()
        for _, gpu in ipairs(locator.chosen(c)) do
          places[gpu] = table.pack(locator.locate(c, gpu))
        end
      end,
    },
    {
      name = "vm",
      run = function()
        assigned = c.vm_id and c.hyperv:assigned(c.vm_id) or {}
      end,
    },
  })
  return devices, places, assigned
end

local function assignment_of(c, gpu)
  return c.vm_id and gpu.location and assignment_in(c.hyperv:assigned(c.vm_id), gpu) or nil
end

-- Cards of the chosen models among a machine's assignments that are not the chosen ones: what an
-- earlier stop could not take out. By now they may be somebody else's.
local function strays(c, assigned)
  local own, models, list = {}, {}, {}
  for _, gpu in ipairs(locator.chosen(c)) do
    own[gpu.location or ""], models[gpu.vendor .. " " .. gpu.device] = true, true
  end
  for _, assignment in ipairs(assigned) do
    local model = tostring(assignment.vendor) .. " " .. tostring(assignment.device)
    if assignment.present and models[model] and not own[assignment.location] then
      list[#list + 1] = assignment
    end
  end
  return list
end

local function name_of(assignment)
  return tostring(assignment.instance or assignment.id)
end

-- The key in parameters.lua of a machine that Hyper-V shows, nil when it is not there.
local function key_of(c, vm)
  for key, ours in pairs(c.parameters.vms) do
    if vm_state.is(vm, key, ours) then
      return key
    end
  end
end

-- Why another machine must keep the card that it has in its settings, nil when it need not: it is
-- off, and this run has the lock of the card, so nobody is just starting with it.
local function keeps(c, gpu, vm)
  local key = key_of(c, vm)
  if vm.state ~= "off" then
    return "which is " .. vm.state
  elseif not gpu.reserved then -- first: a recorded run of such a machine knows no others
    return "and nothing tells whether that is just starting"
  elseif not key then
    return "which is not in parameters.lua"
  end
  for _, request in ipairs(c.parameters.vms[key].gpus) do
    if requests.fixed(request) == gpu.id then
      return "which asks for it by id"
    end
  end
end

-- Remembers a record of the settings that is not put back.
local function removed(c, text)
  c.memory.removed = c.memory.removed or {}
  table.insert(c.memory.removed, text)
end

-- Takes the card out of the settings of whoever has it and does not run, or refuses.
local function take_out_of_others(c, gpu)
  for _, vm in ipairs(c.hyperv:vms()) do
    local assignment = vm.id ~= c.vm_id and assignment_in(c.hyperv:assigned(vm), gpu)
    local why = assignment and keeps(c, gpu, vm)
    if why then
      failover.refuse("%s is assigned to another virtual machine on %s: %s, %s", gpu.title, c.node,
        vm.name, why)
    elseif assignment then
      c:note(string.format("taking %s out of the settings of %s, which is off", gpu.title, vm.name),
        { device = gpu.id, from = vm.name })
      c.hyperv:unassign(vm, assignment.id)
      removed(c, string.format("%s is out of the settings of %s, whose start chooses anew",
        gpu.title, vm.name))
    end
  end
end

local function check_promised(c, gpu)
  local device = locator.assignable(c, gpu)
  if not device then
    failover.fail("NO_DEVICE", "%s is not in the list of assignable devices of %s any more",
      gpu.title, c.node)
  end
  if (device.vendor and device.vendor ~= gpu.vendor) or (device.device
    and device.device ~= gpu.device) then
    failure.raise({
      code = "WRONG_DEVICE",
      target = gpu.id,
      message = string.format("at the place of %s is a %s:%s, not the promised %s:%s", gpu.title,
        tostring(device.vendor), tostring(device.device), gpu.vendor, gpu.device),
    })
  end
  if device.in_use then
    take_out_of_others(c, gpu)
  end
end

-- Nobody has moved a chosen card meanwhile. That ExpEther Manager does not answer just now is no
-- reason to stop: this run has seen it connected.
local function check_still_ours(c)
  for _, gpu in ipairs(locator.chosen(c)) do
    local _, failed = failover.try(locator.still_ours, c, gpu)
    if failed and failed.code == "SECOND_WRITER" then
      error(failed, 0)
    end
  end
end

local is_assigned = step "GPU assigned to the VM" {
  within = 60,
  remedy = "Get-VMAssignableDevice {name} on {node} shows what it has, Get-VMHostAssignableDevice "
    .. "what can be had; if they differ: Restart-Service vmms (running machines go on)",
  keeps = function(c)
    return c.memory.removed and table.concat(c.memory.removed, "; ")
  end,
  least = 3,
  holds = function(c)
    local vm = c.vm_id and c.hyperv:find_vm(c.vm_id)
    if not vm then
      return false, "the virtual machine is not registered here"
    end
    for _, gpu in ipairs(locator.chosen(c)) do
      local there, why = located(c, gpu)
      if not there then
        return false, why
      end
    end
    local assigned = c.hyperv:assigned(c.vm_id)
    for _, gpu in ipairs(locator.chosen(c)) do
      if not assignment_in(assigned, gpu) then
        return false, gpu.title .. " is not assigned"
      end
    end
    local stray = vm.state == "off" and strays(c, assigned)[1]
    return failover.answer(not stray, stray and name_of(stray) .. " is assigned, too")
  end,
  act = function(c)
    check_still_ours(c)
    local assigned = c.hyperv:assigned(c.vm_id)
    for _, stray in ipairs(strays(c, assigned)) do
      c:note("removing the record of a device that is not the chosen one: " .. name_of(stray))
      c.hyperv:unassign(c.vm_id, stray.id)
      removed(c, "the record of " .. name_of(stray) .. " is out of the machine's settings: it was "
        .. "not this machine's any more")
    end
    for _, gpu in ipairs(locator.chosen(c)) do
      if not assignment_in(assigned, gpu) then
        c.memory.handled = gpu
        check_promised(c, gpu)
        gpu.assigned_by_us = true
        c.hyperv:assign(c.vm_id, gpu.location)
      end
    end
  end,
  undo = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      local assignment = gpu.assigned_by_us and assignment_of(c, gpu)
      if assignment then
        c.hyperv:unassign(c.vm_id, assignment.id)
      end
    end
  end,
  ended = suspect_refusing,
}

-- What a successful start has shown last: the device that EEM moved is the one that the virtual
-- machine has. That ExpEther Manager or the node does not answer just now is no reason to fail:
-- this run has seen each part of it before, and the machine lives.
local in_service = step "GPU in service" {
  within = 30,
  optional = "unknown",
  holds = function(c)
    local devices, places, assigned = last_look(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      local device = devices[gpu]
      if device.group_id ~= c.this.group_id or device.link == "down" then
        return false, gpu.title .. " is in group " .. tostring(device.group_id) .. ", link "
          .. device.link .. (device.power == "off" and ", without power" or "")
      end
      local there, why = table.unpack(places[gpu], 1, 2)
      if not there then
        return false, why
      end
      if not assignment_in(assigned, gpu) then
        return false, gpu.title .. " is not assigned to the virtual machine"
      end
    end
    return true
  end,
  ended = function(c, failed)
    for _, gpu in ipairs(not failed and c.gpus or {}) do
      c.quarantine:cleared(gpu.id)
    end
  end,
}

return {
  present = present,
  disabled = disabled,
  dismounted = dismounted,
  assigned = is_assigned,
  in_service = in_service,
}
