-- Facts about which GPU it is to be: chosen, reserved against other runs on this node; and which
-- devices a machine has.
local selection = require("failover.devices.selection")
local evidence = require("failover.safety.evidence")
local failover = require("failover")
local attached = require("failover.devices.attached")
local needs = require("failover.vm.requirements")
local quarantine = require("failover.devices.quarantine")
local claim = require("failover.devices.claim")
local requests = require("failover.parameters.requests")
local scheduler = require("core.scheduler")
local vm_state = require("failover.vm.state")
local step = failover.step

local function titles_of(list, shares)
  local titles = {}
  for i, gpu in ipairs(list) do
    titles[i] = gpu.title
  end
  for _, share in ipairs(shares or {}) do
    titles[#titles + 1] = share.title
  end
  return #titles > 0 and table.concat(titles, ", ") or "none"
end

-- The choice and its reasons, for the log and the journal; each once.
local function remark(c, choice)
  local said = table.concat(choice.reasons, "; ")
  if c.memory.choice_noted == said then
    return
  end
  c.memory.choice_noted = said
  local devices, rejected, described = {}, {}, #c.shares > 0
  for i, gpu in ipairs(c.gpus) do
    devices[i], described = gpu.id, described or gpu.described
    if gpu.quarantine then
      c:note(string.format("%s is %s; it is taken because it is asked for by id", gpu.title,
        quarantine.describe(gpu.quarantine)), { device = gpu.id })
    end
  end
  for _, share in ipairs(c.shares) do
    devices[#devices + 1] = share.id
  end
  for i, entry in ipairs(choice.rejected) do
    rejected[i] = { device = entry.device.id, code = entry.code }
  end
  if described then
    c:note("chosen: " .. said, { devices = devices, rejected = rejected })
  end
  local small = needs.small_mmio(c.vm, c.parameters.devices or {}, devices)
  if small then
    c:note(small)
  end
  if choice.degraded then
    c.memory.degraded = string.format("%d of %d devices", #devices, (requests.wanted(c.vm)))
    c:note("DEGRADED: " .. c.memory.degraded .. " can be had now")
  end
end

local COMING = 20 -- seconds that a card in this node's group gets for its link to come up

-- A card that an earlier run has just connected to this node has no link yet.
local function is_coming(c, rejection)
  for _, entry in ipairs(rejection.rejected) do
    if entry.code == "LINK_DOWN" and entry.device.node == c.node then
      return true
    end
  end
  return false
end

-- Nothing can be had: is it waited for?
local function wait_for(c, rejection)
  local wait = math.max(c.parameters.placement and c.parameters.placement.wait or 0,
    is_coming(c, rejection) and COMING or 0)
  c.memory.waits_since = c.memory.waits_since or scheduler.now()
  if scheduler.now() - c.memory.waits_since >= wait then
    selection.raise(c, rejection)
  end
  if not c.memory.wait_noted then
    c.memory.wait_noted = true
    c:note(string.format("waiting up to %g s for a device: %s", wait, rejection.text))
  end
  return false, rejection.text
end

local chosen = step "GPU chosen" {
  remedy = "switch the device or its I/O box on, and look at its cables; takeover gpu list "
    .. "shows it",
  within = function(c)
    return 30 + (c.parameters.placement and c.parameters.placement.wait or 0)
  end,
  holds = function(c)
    local choice, rejection = selection.choose(c)
    if not choice then
      return wait_for(c, rejection)
    end
    local list = selection.gpus(c, choice)
    for _, gpu in ipairs(list) do
      if gpu.power == "off" or gpu.reachable == false then
        return false, gpu.title .. (gpu.power == "off" and " has no power"
          or " is not reachable for EEM")
      end
    end
    c.gpus, c.shares = list, selection.shares(c, choice)
    remark(c, choice)
    return true, titles_of(list, c.shares)
  end,
}

-- Which devices the machine has here: for looking and for giving back, where a quarantine is no
-- reason to leave a device.
local identified = failover.with(chosen, {
  within = 30,
  holds = function(c)
    c.gpus = attached.present(c)
    return true, titles_of(c.gpus)
  end,
})

-- Of two starts on one node that choose at the same instant one gets the device: ExpEther Manager
-- would see the same group id from both.
local reserved = step "GPU reserved on this node" {
  within = 30,
  when = function(c)
    return claim.applies(c)
  end,
  holds = function(c)
    for _, gpu in ipairs(c.gpus) do
      if gpu.described and not gpu.reserved then
        return false, gpu.title .. " is not reserved"
      end
    end
    return true
  end,
  act = function(c)
    for _, gpu in ipairs(c.gpus) do
      if gpu.described and not gpu.reserved then
        local holder = claim.reserve(c, gpu)
        if holder then
          claim.choose_again(c, gpu, holder)
          return false
        end
      end
    end
  end,
}

-- The machine that runs with a device which is to be taken from it, nil where none does any more.
local function user_of(c, gpu)
  local ours, peer = c.parameters.vms[gpu.victim], c:peer(gpu.seen_on).hyperv
  for _, vm in ipairs(peer:vms()) do
    if vm_state.is(vm, gpu.victim, ours) and evidence.is_active(vm) then
      return vm
    end
  end
end

local function victims(c)
  local list = {}
  for _, gpu in ipairs(c.gpus or {}) do
    list[#list + 1] = gpu.victim and gpu or nil
  end
  return list
end

-- EXPRESSCLUSTER stops the group of such a machine, because it would start it again at once if it
-- were turned off by somebody else. Whether its commands may be called from a start script is not
-- verified (docs/facts/ecx-eem.md#1.5); of another group at least nothing speaks against it.
local given_up = step "GPU given up by VMs of lower priority" {
  keeps = function(c)
    local names = {}
    for _, gpu in ipairs(victims(c)) do
      names[#names + 1] = gpu.victim
    end
    return #names > 0 and table.concat(names, ", ") .. " stays stopped: start its group again when "
      .. "its GPU is free"
  end,
  within = function(c)
    local seconds = 60
    for _, gpu in ipairs(victims(c)) do
      seconds = seconds + c.parameters.vms[gpu.victim].stop_timeout
    end
    return seconds
  end,
  when = function(c)
    return #victims(c) > 0
  end,
  holds = function(c)
    for _, gpu in ipairs(victims(c)) do
      local vm = user_of(c, gpu)
      if vm then
        return false, string.format("%s runs with %s on %s", vm.name, gpu.title, gpu.seen_on)
      end
    end
    return true
  end,
  act = function(c)
    local stopped = {}
    for _, gpu in ipairs(victims(c)) do
      local victim = c.parameters.vms[gpu.victim]
      if not stopped[gpu.victim] and user_of(c, gpu) then
        stopped[gpu.victim] = true
        if not victim.group then
          failover.refuse("%s has no group in parameters.lua: EXPRESSCLUSTER cannot be asked to "
            .. "stop it", gpu.victim)
        end
        c:note(string.format("%s is stopped: its priority is %d, that of %s is %d, and placement."
          .. "preempt allows it", gpu.victim, victim.priority, c.vm_name, c.vm.priority),
          { device = gpu.id, from = gpu.victim })
        if not c.cluster:stop_group(victim.group) then
          failover.refuse("there is no clpgrp on %s, so that %s cannot be stopped", c.node,
            gpu.victim)
        end
      end
    end
  end,
}

return { given_up = given_up, chosen = chosen, identified = identified, reserved = reserved }
