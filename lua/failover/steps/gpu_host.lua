-- Facts about a GPU on this node: visible, without a driver, dismounted, assigned to the virtual
-- machine, in service.
local failover = require("failover")
local cards = require("failover.cards")
local failure = require("failure")
local quarantine = require("failover.quarantine")
local racing = require("failover.racing")
local step = failover.step

local present = step "GPU visible on this node" {
  within = 60,
  holds = function(c)
    local there, why, missing = cards.locate_all(c)
    if not there then
      for _, gpu in ipairs(cards.chosen(c)) do
        -- Else we would wait for a card that somebody has moved away. That EEM does not answer
        -- just now is no reason to stop waiting.
        local device, failed = failover.try(cards.still_ours, c, gpu)
        if failed and failed.code == "SECOND_WRITER" then
          error(failed, 0)
        end
        quarantine.seen(gpu, device and gpu == missing)
      end
      return false, why
    end
    racing.arrived(c)
    return true
  end,
  act = function(c)
    if c.vm.rescan then
      c.pnp:rescan()
    end
  end,
  ended = quarantine.suspect_troubled,
}

local device_refuses = { HYPERV_NOT_ASSIGNABLE = true, WRONG_DEVICE = true }

local function suspect_refusing(c, failed)
  quarantine.suspect_handled(c, failed, device_refuses)
end

local function off(device)
  return device.dismounted or device.status == "disabled"
end

-- All functions of the card: its sound function must not keep a driver either.
local disabled = step "GPU driver disabled on this node" {
  within = 60,
  retry = { times = 2, backoff = 0.5 },
  holds = function(c)
    local there, why = cards.locate_all(c)
    if not there then
      return false, why
    end
    for _, gpu in ipairs(cards.chosen(c)) do
      for _, device in ipairs(gpu.functions) do
        if not off(device) then
          return false, (device.name or device.id) .. " is enabled"
        end
      end
    end
    return true
  end,
  act = function(c)
    for _, gpu in ipairs(cards.chosen(c)) do
      gpu.disabled = gpu.disabled or {}
      for _, device in ipairs(gpu.functions) do
        if not off(device) then
          gpu.disabled[#gpu.disabled + 1] = device.id
          local _, reboot_needed = c.pnp:disable(device.id)
          if reboot_needed then
            failover.fail("PNP_FAILED", "%s needs %s to restart before it is disabled", device.id,
              c.node)
          end
        end
      end
    end
  end,
  undo = function(c)
    for _, gpu in ipairs(cards.chosen(c)) do
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
    return cards.locate(c, gpu)
  end
  return true
end

local dismounted = step "GPU dismounted from this node" {
  within = 60,
  least = 3,
  retry = { times = 2, backoff = 0.5 },
  holds = function(c)
    for _, gpu in ipairs(cards.chosen(c)) do
      local there, why = located(c, gpu)
      if not there then
        return false, why
      end
      if not cards.assignable(c, gpu) then
        return false, gpu.title .. " is not in the list of assignable devices"
      end
    end
    return true
  end,
  act = function(c)
    for _, gpu in ipairs(cards.chosen(c)) do
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
    for _, gpu in ipairs(cards.chosen(c)) do
      if gpu.dismounted_by_us and cards.locate(c, gpu) then
        c.hyperv:mount({ location = gpu.location, instance = gpu.instance })
      end
    end
  end,
  ended = suspect_refusing,
}

local function assignment_of(c, gpu)
  if not c.vm_id or not gpu.location then
    return nil
  end
  for _, assignment in ipairs(c.hyperv:assigned(c.vm_id)) do
    if assignment.present and assignment.location == gpu.location then
      return assignment
    end
  end
end

local function check_promised(c, gpu)
  local device = cards.assignable(c, gpu)
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
    failover.refuse("%s is assigned to another virtual machine on %s", gpu.title, c.node)
  end
end

local assigned = step "GPU assigned to the VM" {
  within = 60,
  retry = { times = 3, backoff = 1 },
  least = 3,
  holds = function(c)
    if not c.vm_id or not c.hyperv:find_vm(c.vm_id) then
      return false, "the virtual machine is not registered here"
    end
    for _, gpu in ipairs(cards.chosen(c)) do
      local there, why = located(c, gpu)
      if not there then
        return false, why
      end
      if not assignment_of(c, gpu) then
        return false, gpu.title .. " is not assigned"
      end
    end
    return true
  end,
  act = function(c)
    for _, gpu in ipairs(cards.chosen(c)) do
      if not assignment_of(c, gpu) then
        c.memory.handled = gpu
        check_promised(c, gpu)
        gpu.assigned_by_us = true
        c.hyperv:assign(c.vm_id, gpu.location)
      end
    end
  end,
  undo = function(c)
    for _, gpu in ipairs(cards.chosen(c)) do
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
    for _, gpu in ipairs(cards.chosen(c)) do
      local device = cards.still_ours(c, gpu)
      if device.group_id ~= c.this.group_id or device.link == "down" then
        return false, gpu.title .. " is in group " .. tostring(device.group_id) .. ", link "
          .. device.link .. (device.power == "off" and ", without power" or "")
      end
      local there, why = cards.locate(c, gpu)
      if not there then
        return false, why
      end
      if not assignment_of(c, gpu) then
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
  assigned = assigned,
  in_service = in_service,
}
