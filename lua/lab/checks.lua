-- The safety rules that need more than the world's own eye (docs/safety.md#evidence): what a
-- command said, compared with
-- what is true. Each check gives nil, or the id of the broken rule and a sentence.
local requests = require("failover.parameters.requests")

local M = {}

local function list(names)
  return #names > 0 and table.concat(names, ", ") or "nowhere"
end

-- The nodes on which it runs. One whose disk was taken away is only paused for a while (I2).
local function where_it_runs(actor, vm)
  local nodes, critical = {}, {}
  for _, place in ipairs(vm.registered) do
    critical[place.node] = place.critical
  end
  for _, node in ipairs(vm.running) do
    nodes[#nodes + 1] = (node == actor.node or not critical[node]) and node or nil
  end
  return nodes
end

-- States in which a machine is neither off nor broken, or nobody knows (EnabledState).
local NOT_KNOWN = { [0] = true, [1] = true, [5] = true, [7] = true, [8] = true }

local ALIVE = { [2] = true, [3] = true } -- heartbeats, the second of an older protocol

-- Whether the machine runs on the actor's node with everything that belongs to it, and is shown so
-- or in a state that says nothing.
local function runs_well(world, actor, vm)
  local hyperv = world:node(actor.node).hyperv
  local own, guest = hyperv.by_id[vm.id], world:guest_of(vm.id)
  local parameters = actor.parameters.vms[actor.vm]
  if not (own and parameters and own.state == 2 and not own.critical and own.booted) then
    return false
  end
  local shown = own.shown
  if shown and not (NOT_KNOWN[shown.enabled_state or 0]
    and not shown.health_state and not shown.operational_status) then
    return false
  end
  local most, least = requests.wanted(parameters)
  local count = #vm.devices + #vm.shares
  return count >= least and count <= most and not hyperv:has_broken_card(own)
    and not (guest.broken_driver or guest.publisher) and ALIVE[hyperv:heartbeat(own)] or false
end

-- I4: monitor says ok of what runs here, and neither "stopped" nor "broken" of what runs well.
local wrong_answers = { [18] = "stopped", [19] = "broken" }

local function honest_monitor(actor, code, vm, running)
  if code == 0 and running ~= actor.node then
    return "I4", string.format("monitor on %s says ok, but %s runs %s", actor.node, actor.vm,
      running)
  elseif wrong_answers[code] and actor.before.well and runs_well(actor.world, actor, vm) then
    return "I4", string.format("monitor on %s says %s, but %s runs there, and well", actor.node,
      wrong_answers[code], actor.vm)
  end
end

-- I4: a start that says ok runs here, alone, with the device that EEM moved; a stop that says ok
-- is off or gone.
local function honest(world, actor, code)
  local vm = world.invariants:vm_truth(actor.vm)
  if not vm then
    return nil
  end
  local running = list(where_it_runs(actor, vm))
  if actor.command == "start" and code == 0 and not actor.skipped then
    if running ~= actor.node then
      return "I4", string.format("start on %s says ok, but %s runs %s", actor.node, actor.vm,
        running)
    end
    local most, least = requests.wanted(actor.parameters.vms[actor.vm])
    local count = #vm.devices + #vm.shares
    if count < least or count > most then
      return "I4", string.format("start on %s says ok, but %s has %d devices", actor.node, actor.vm,
        count)
    end
    local own = world:node(actor.node).hyperv.by_id[vm.id]
    if actor.parameters.vms[actor.vm].guest_gpu == true and (world:guest_of(vm.id).broken_driver
      or world:node(actor.node).hyperv:has_broken_card(own)) then
      return "I4", string.format("start on %s says ok, but the GPU of %s does not work",
        actor.node, actor.vm)
    elseif actor.parameters.vms[actor.vm].heartbeat and not vm.booted then
      return "I4", string.format("start on %s says ok, but the guest has not booted", actor.node)
    end
  elseif actor.command == "stop" and code == 0 then
    for _, node in ipairs(vm.running) do
      if node == actor.node then
        return "I4", string.format("stop on %s says ok, but %s runs there", actor.node, actor.vm)
      end
    end
  elseif actor.command == "monitor" then
    return honest_monitor(actor, code, vm, running)
  end
end

-- What this node has of the virtual machine and its devices: compared before and after a run.
function M.snapshot(world, actor)
  local vm = world.invariants:vm_truth(actor.vm)
  local group = actor.parameters.nodes[actor.node].group_id
  local shot = { devices = {}, begun = {} }
  for _, place in ipairs(vm and vm.registered or {}) do
    shot.registered = shot.registered or place.node == actor.node
  end
  for _, node in ipairs(vm and vm.running or {}) do
    shot.running = shot.running or node == actor.node
  end
  for _, job in ipairs(world:node(actor.node).hyperv:jobs()) do
    if job.state == 4 then
      shot.begun[job.kind] = true
    end
  end
  local own = {}
  for _, request in ipairs(actor.parameters.vms[actor.vm] and actor.parameters.vms[actor.vm].gpus
    or {}) do
    own[requests.fixed(request) or ""] = true
  end
  for _, call in ipairs(actor.calls) do -- chosen by description: those that it has connected
    local id = call.native == "eem" and call.verb == "connect" and call.request[1]
    own[id or ""] = true
  end
  if vm and actor.command == "monitor" then
    shot.well = runs_well(world, actor, vm)
  end
  shot.group = {}
  for _, device in ipairs(world.fabric.slots) do
    shot.group[device.id] = device.group_id == group
    if own[device.id] then
      shot.devices[device.id] = device.group_id == group
    end
  end
  return shot
end

-- I4 again: exit codes that say "everything that was changed is undone" mean it. A job that was
-- at work before the run began is an earlier run's change.
local undone = { [10] = true, [11] = true, [15] = true, [16] = true, [17] = true }

local function taken_back(world, actor, code)
  if not actor.before or actor.command == "stop" or not undone[code] then
    return nil
  end
  local before, after = actor.before, M.snapshot(world, actor)
  local left
  if after.running and not (before.running or before.begun.start) then
    left = "it runs"
  elseif after.registered and not (before.registered or before.begun.realize) then
    left = "it is registered"
  end
  for id, here in pairs(after.devices) do
    if here and not before.group[id] then
      left = id .. " is in the node's group"
    end
  end
  if left then
    return "I4", string.format("%s on %s ends with %d, which says that all is undone, but %s",
      actor.command, actor.node, code, left)
  end
end

-- I5: the run ended inside its deadline. A second for what was on the wire.
local function in_time(actor)
  if actor.deadline and actor.took > actor.deadline + 1 then
    return "I5", string.format("%s on %s took %.1f s of %.1f s", actor.command, actor.node,
      actor.took, actor.deadline)
  end
end

-- I6: nothing that was said contains the secret.
local function discreet(actor)
  for _, text in ipairs(actor.said) do
    if text:find(actor.secret, 1, true) then
      return "I6", "a secret was said: " .. text
    end
  end
end

-- I8: every change that the world saw from this run is in its journal.
local function explained(world, actor)
  local recorded = {}
  for _, call in ipairs(actor.calls) do
    if call.kind == "change" then
      recorded[call.target] = (recorded[call.target] or 0) + 1
    end
  end
  local seen = {}
  for _, change in ipairs(world.invariants.changes) do
    if change.by == actor.by then
      seen[change.where] = (seen[change.where] or 0) + 1
    end
  end
  for where, count in pairs(seen) do
    if not recorded[where] then
      return "I8", string.format("%d changes on %s are in no journal of %s", count, where, actor.by)
    end
  end
end

-- Looks at one ended run: at its end (lab/simulated_command.lua), for what is true may change
-- before anybody waits for it. `code` is its exit code, or "killed".
---@return string? id, string? text the first rule that is broken
function M.judge(world, actor, code)
  local id, text = in_time(actor)
  if not id then
    id, text = discreet(actor)
  end
  if not id and code ~= "killed" then
    id, text = honest(world, actor, code)
    if not id then
      id, text = taken_back(world, actor, code)
    end
    if not id then
      id, text = explained(world, actor)
    end
  end
  return id, text
end

-- What was found at the run's end.
function M.after_run(world, actor, code)
  if actor.verdict then
    return actor.verdict[1], actor.verdict[2]
  end
  return M.judge(world, actor, code)
end

return M
