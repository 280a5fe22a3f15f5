-- Emptying a node for maintenance: which of its running virtual machines goes where, and moving
-- them one after another. The plan is arithmetic on a situation (failover.inventory); the moving is
-- done by whoever has the hands for it: EXPRESSCLUSTER, since it would start again what anybody
-- else stops.
local evidence = require("failover.safety.evidence")
local failure = require("failure")
local loop = require("loop")
local placement = require("failover.placement")
local find = require("core.lists").find

local M = {}

local FIRST_WAIT, LONGEST_WAIT = 0.05, 2 -- seconds between two looks at a machine that moves

local function copy(t)
  local result = {}
  for key, value in pairs(t) do
    result[key] = value
  end
  return result
end

-- The situation as it is when the node's running machines have left it: they give back their
-- devices, and nothing new comes to the node. Devices that cannot leave it stay there.
local function without_guests(situation, node, options)
  local after = { devices = {}, nodes = {}, vms = {}, warnings = situation.warnings }
  local leaving, freed = {}, 0
  for i, vm in ipairs(situation.vms) do
    local one = copy(vm)
    if vm.node == node and vm.running and (not options.only or options.only == vm.key) then
      leaving[vm.key] = true
      one.nodes = options.to and { options.to } or vm.nodes
      one.node, one.running, one.state, one.devices = nil, false, "off", {}
    end
    after.vms[i] = one
  end
  for i, device in ipairs(situation.devices) do
    local one = copy(device)
    if device.kind == "card" and device.vm and leaving[device.vm] then
      one.state, one.vm_running = "free", false
      one.vm, one.node, one.group_id = nil, nil, nil
      freed = freed + 1
    end
    after.devices[i] = one
  end
  for i, other in ipairs(situation.nodes) do
    local one = copy(other)
    if other.name == node then
      one.drained = not options.only or one.drained or false
      one.held = math.max(0, (other.held or 0) - freed)
    end
    after.nodes[i] = one
  end
  return after, leaving
end

local function by_priority(a, b)
  if a.priority ~= b.priority then
    return a.priority > b.priority
  end
  return a.vm < b.vm
end

---@class DrainMove
---@field vm string
---@field group string? EXPRESSCLUSTER's; nil: it cannot be moved
---@field from string
---@field to string
---@field devices string[] titles
---@field degraded boolean
---@field priority integer

---@class DrainLoss
---@field vm string
---@field group string?
---@field priority integer
---@field code string of placement.reasons
---@field text string

---@class DrainPlan
---@field node string
---@field moves DrainMove[] the most important machine first
---@field lost DrainLoss[] those for which there is no place

-- Where the running machines of a node would go. Changes nothing, decides nothing. options:
-- policy; only: this machine alone; to: there and nowhere else, as when machines come back.
---@param situation Situation
---@param node string
---@param options { policy: table?, only: string?, to: string? }?
---@return DrainPlan
function M.plan(situation, node, options)
  options = options or {}
  local after, leaving = without_guests(situation, node, options)
  local wanted = { policy = options.policy, vms = {}, keep = true }
  for key in pairs(leaving) do
    table.insert(wanted.vms, key)
  end
  table.sort(wanted.vms)
  local made = #wanted.vms > 0 and placement.plan(after, wanted) or { placed = {}, unplaced = {} }
  local plan = { node = node, moves = {}, lost = {} }
  for _, vm in ipairs(situation.vms) do
    local place, rejection = made.placed[vm.key], made.unplaced[vm.key]
    if leaving[vm.key] and place then
      local titles = {}
      for i, chosen in ipairs(place.devices) do
        titles[i] = (chosen.device or chosen).title
      end
      table.insert(plan.moves, {
        vm = vm.key, group = vm.group, from = node, to = place.node, devices = titles,
        degraded = place.degraded or false, priority = vm.priority or 0,
      })
    elseif leaving[vm.key] then
      table.insert(plan.lost, {
        vm = vm.key, group = vm.group, priority = vm.priority or 0,
        code = rejection and rejection.code or "NO_DEVICE",
        text = rejection and rejection.text or "there is no place for it",
      })
    end
  end
  table.sort(plan.moves, by_priority)
  table.sort(plan.lost, by_priority)
  return plan
end

-- Where machines that were moved away from a node, and run elsewhere now, would come back to it:
-- one after the other, each counting on the room that those before it leave.
---@param situation Situation
---@param node string
---@param keys string[]
---@param policy table?
---@return DrainPlan lost: those that stay where they are, with `from`
function M.plan_back(situation, node, keys, policy)
  local now, away = { warnings = situation.warnings }, {}
  for _, name in ipairs({ "devices", "nodes", "vms" }) do
    now[name] = {}
    for i, one in ipairs(situation[name]) do
      now[name][i] = copy(one)
    end
  end
  for _, key in ipairs(keys) do
    away[key] = true
  end
  local plan, target = { node = node, moves = {}, lost = {} }, find(now.nodes, "name", node)
  -- What is true when a machine has come back.
  local function arrived(machine, titles)
    machine.node, machine.devices = node, {}
    for i, title in ipairs(titles) do
      local device = find(now.devices, "title", title)
      if device.kind == "card" then
        device.state, device.vm, device.vm_running = "held", machine.key, true
        device.node, device.group_id = node, target.group_id
      end
      machine.devices[i] = device.id
    end
    target.held = (target.held or 0) + #titles
  end
  for _, vm in ipairs(now.vms) do
    if away[vm.key] and vm.running and vm.node and vm.node ~= node then
      local from = vm.node
      local one = M.plan(now, vm.node, { policy = policy, only = vm.key, to = node })
      for _, move in ipairs(one.moves) do
        table.insert(plan.moves, move)
        arrived(vm, move.devices)
      end
      for _, lost in ipairs(one.lost) do
        lost.from = from
        table.insert(plan.lost, lost)
      end
    end
  end
  return plan
end

-- What an operator would type. `two`: the cluster has two servers, so the other one is meant.
---@return string
function M.command(move, two)
  local group = move.group and '"' .. move.group .. '"' or "(no group in parameters.lua)"
  if not move.to then
    return "clpgrp -t " .. group
  end
  return "clpgrp -m " .. group .. (two and "" or " -a " .. move.to)
end

-- What a machine does on a node: Hyper-V's word, or "absent", and whether it is on; nil and why
-- where that cannot be seen.
local function state_on(c, node, id)
  local hyperv = c:peer(node).hyperv
  local ok, vm = loop.guard(hyperv.find_vm, hyperv, id)
  if not ok then
    return nil, ("%s cannot be asked: %s"):format(node, failure.is(vm) and vm.message or vm)
  end
  return vm and vm.state or "absent", vm and evidence.is_active(vm) or false
end

-- The `seen` of the hands: it is not active any more where it was, and runs where it should.
---@param c Context
---@param situation Situation
---@param node string that is emptied
---@return fun(move: DrainMove): boolean, string?
function M.looker(c, situation, node)
  local ids = {}
  for _, vm in ipairs(situation.vms) do
    ids[vm.key] = vm.id or vm.name
  end
  return function(move)
    local from = move.from or node
    local before, active = state_on(c, from, ids[move.vm])
    if not before then
      return false, active
    elseif active then
      return false, ("it is %s on %s"):format(before, from)
    elseif not move.to then
      return true
    end
    local there, why = state_on(c, move.to, ids[move.vm])
    return there == "running", there and ("it is %s on %s"):format(there, move.to) or why
  end
end

-- Waits until `seen(move)` says that the machine is where it should be. seen gives true, or false
-- and what is seen instead.
local function wait_for(move, hands, within)
  local deadline, wait, last = hands.now() + within, FIRST_WAIT, nil
  while true do
    local there, what = hands.seen(move)
    if there then
      return
    end
    last = what or last
    if hands.now() >= deadline then
      failure.raise({
        code = "NOT_REACHED", target = move.vm,
        message = ("%s is not %s after %d s%s"):format(move.vm,
          move.to and "running on " .. move.to or "off", within, last and ": " .. last or ""),
      })
    end
    hands.sleep(wait)
    wait = math.min(wait * 2, LONGEST_WAIT)
  end
end

---@class DrainHands
---@field move fun(move: DrainMove) has the cluster move the group
---@field stop fun(lost: table) has the cluster stop the group
---@field seen fun(move: DrainMove): boolean, string? whether it runs where it should, or is off
---@field within fun(move: DrainMove): number seconds
---@field now fun(): number
---@field sleep fun(seconds: number)
---@field tell fun(move: DrainMove, state: "moving"|"done")

-- Moves the machines of a plan one after another; those that are lost, where that was accepted, are
-- stopped last. Raises the first failure, and moves nothing more after it.
---@param plan DrainPlan
---@param hands DrainHands
---@return integer done
function M.carry_out(plan, hands)
  local done = 0
  for _, list in ipairs({ plan.moves, plan.lost }) do
    for _, move in ipairs(list) do
      hands.tell(move, "moving")
      if move.to then
        hands.move(move)
      else
        hands.stop(move)
      end
      wait_for(move, hands, hands.within(move))
      hands.tell(move, "done")
      done = done + 1
    end
  end
  return done
end

return M
