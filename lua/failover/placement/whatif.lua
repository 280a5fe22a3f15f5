-- If this node, this box, this device failed: which machines would stop, which of them would come
-- back where and with what, and which would not? And asked of every single failure: where is the
-- cluster weakest, and how many devices may fail before a machine stays down?
--
-- Machines that a failure does not touch are left alone. What is connected to a dead node can be
-- taken away from it: ECX, which starts the machines again, is the evidence for that.
local bound = require("failover.placement.bound")
local plan = require("failover.placement.plan")
local state_of = require("failover.placement.state")

local M = {}

---- what a failure is -----------------------------------------------------------------------------

local function set_of_devices(state, failures)
  local lost, nodes, list = {}, {}, {}
  local function add(device)
    if not lost[device] then
      lost[device] = true
      list[#list + 1] = device
    end
  end
  for _, failure in ipairs(failures) do
    if failure.kind == "node" then
      local place = state.place[failure.name]
      nodes[failure.name] = true
      for _, device in ipairs(place.shares) do
        add(device)
      end
    elseif failure.kind == "device" then
      add(state.by_id[failure.name])
    else
      for _, device in ipairs(state.boxes_of[failure.name]) do
        add(device)
      end
    end
  end
  return nodes, list
end

-- The running machines that stop, in the order of the situation.
local function hit_by(state, nodes, devices)
  local hit, list = {}, {}
  local function add(vm)
    if vm and vm.running and state.given[vm] and not hit[vm] then
      hit[vm] = true
      list[#list + 1] = vm
    end
  end
  for _, device in ipairs(devices) do
    for _, vm in ipairs(state.users[device] or {}) do
      add(vm)
    end
  end
  for name in pairs(nodes) do
    for _, vm in ipairs(state.on_node[name] or {}) do
      add(vm)
    end
  end
  table.sort(list, function(a, b)
    return a.key < b.key
  end)
  return list, hit
end

---- what follows from it --------------------------------------------------------------------------

-- The state with all running machines in their places, and lists in which failures are looked up.
local function open(situation, options)
  local state = state_of.open(situation, options)
  state.users, state.on_node, state.boxes_of = {}, {}, {}
  for _, device in ipairs(situation.devices) do
    if device.box then
      state.boxes_of[device.box] = state.boxes_of[device.box] or {}
      table.insert(state.boxes_of[device.box], device)
    end
  end
  for _, vm in ipairs(situation.vms) do
    if vm.running then
      state:pin(vm)
      if vm.node then
        state.on_node[vm.node] = state.on_node[vm.node] or {}
        table.insert(state.on_node[vm.node], vm)
      end
      for _, device in ipairs(state.own[vm]) do
        state.users[device] = state.users[device] or {}
        table.insert(state.users[device], vm)
      end
    end
  end
  plan.count_boxes(state)
  return state
end

local function strike(state, failures)
  local nodes, devices = set_of_devices(state, failures)
  local stopped, hit = hit_by(state, nodes, devices)
  state.stopped = hit
  for _, vm in ipairs(stopped) do
    state:unpin(vm)
  end
  for _, device in ipairs(devices) do
    state:lose_device(device)
  end
  for name in pairs(nodes) do
    state:lose_node(state.place[name])
  end
  return stopped, hit
end

-- Machines of a lower priority than the highest that has stopped: they may lose devices to it.
local function victims(state, stopped)
  local highest, list = -math.huge, {}
  for _, vm in ipairs(stopped) do
    highest = math.max(highest, vm.priority or 0)
  end
  for _, vm in ipairs(state.situation.vms) do
    if vm.running and state.given[vm] and (vm.priority or 0) < highest
      and state:may_give(vm) then
      list[#list + 1] = vm
    end
  end
  return list
end

-- Brings back what has stopped. Gives the codes of those that stay down.
local function bring_back(state, stopped, hit, preempt)
  local levels = plan.levels(state, stopped, true, hit)
  local mark = state.trail:mark()
  local codes, vector = plan.fill(state, levels)
  if preempt and next(codes) then
    state:rollback(mark)
    local all = table.move(stopped, 1, #stopped, 1, {})
    for _, vm in ipairs(victims(state, stopped)) do
      state:unpin(vm)
      all[#all + 1] = vm
    end
    mark = state.trail:mark()
    levels = plan.levels(state, all, true, hit)
    codes, vector = plan.fill(state, levels)
  end
  return codes, levels, vector, mark
end

---- one question ----------------------------------------------------------------------------------

local kinds = { node = "place", device = "by_id", box = "boxes_of" }

local function check(state, failures)
  for _, failure in ipairs(failures) do
    local known = kinds[failure.kind] and state[kinds[failure.kind]]
    if not known or not known[failure.name] then
      error(("there is no %s %s"):format(tostring(failure.kind), tostring(failure.name)), 3)
    end
  end
end

-- Machines, or what is told of them: the highest priority first.
local function by_priority(a, b)
  if (a.priority or 0) ~= (b.priority or 0) then
    return (a.priority or 0) > (b.priority or 0)
  end
  return (a.key or a.vm) < (b.key or b.vm)
end

-- The machines as a failure leaves them: those that stay down, and those that move.
local function tell(state, levels, codes, hit)
  local result = plan.result(state, levels, codes)
  local lost, moved = {}, {}
  for _, vm in ipairs(state.situation.vms) do
    local entry, rejection = result.placed[vm.key], result.unplaced[vm.key]
    if rejection then
      lost[#lost + 1] = {
        vm = vm.key, priority = vm.priority or 0, code = rejection.code,
        text = rejection.text, from = vm.node, hit = hit[vm] == true,
      }
    elseif entry and not entry.stays then
      local same = not hit[vm] and entry.node == vm.node and #entry.devices == #state.own[vm]
      for i, chosen in ipairs(entry.devices) do
        same = same and chosen.device == state.own[vm][i]
      end
      moved[#moved + 1] = not same and {
        vm = vm.key, priority = vm.priority or 0, from = vm.node, to = entry.node,
        devices = entry.devices, degraded = entry.degraded, hit = hit[vm] == true,
      } or nil
    end
  end
  table.sort(lost, by_priority)
  table.sort(moved, by_priority)
  return lost, moved
end

-- What a failure, or several at once, does.
--   failures: { { kind = "node"|"box"|"device", name = } ... }
--   options: policy, preempt, exact as for plan
---@param situation Situation
---@param failures { kind: string, name: string }[]
---@param options table?
---@return { lost: table[], moved: table[], affected: integer, survives: boolean, optimal: boolean,
---  proof: string?, why_not_optimal: string? }
function M.whatif(situation, failures, options)
  options = plan.options(options)
  local state = open(situation, options)
  check(state, failures)
  local stopped, hit = strike(state, failures)
  local codes, levels, vector, mark = bring_back(state, stopped, hit, options.preempt)
  local proof, why_not
  codes, vector, proof, why_not = plan.prove(state, levels, codes, vector, mark, {
    exact = options.exact, stopped = hit,
    fresh = function()
      local other = open(situation, options)
      local again = strike(other, failures)
      if options.preempt and #levels > 0 then
        for _, vm in ipairs(victims(other, again)) do
          other:unpin(vm)
        end
      end
      return other
    end,
  })
  local lost, moved = tell(state, levels, codes, hit)
  return {
    lost = lost, moved = moved, affected = #stopped, survives = #lost == 0, counts = vector,
    optimal = proof ~= nil, proof = proof, why_not_optimal = why_not,
  }
end

---- every single failure --------------------------------------------------------------------------

local function single_failures(state)
  local list = {}
  for _, place in ipairs(state.places) do
    list[#list + 1] = { kind = "node", name = place.name }
  end
  local boxes = {}
  for name in pairs(state.boxes_of) do
    boxes[#boxes + 1] = name
  end
  table.sort(boxes)
  for _, name in ipairs(boxes) do
    list[#list + 1] = { kind = "box", name = name }
  end
  for _, device in ipairs(state.situation.devices) do
    if device.state ~= "missing" then
      list[#list + 1] = { kind = "device", name = device.id, title = device.title }
    end
  end
  return list
end

local function is_proven(vector, limits)
  for _, limit in ipairs(limits) do
    local met = true
    for i = 1, #vector do
      met = met and vector[i] == limit.vector[i]
    end
    if met then
      return true
    end
  end
  return false
end

local function try(state, failure, preempt)
  local before = state.trail:mark()
  local stopped, hit = strike(state, { failure })
  failure.affected, failure.lost, failure.proven = #stopped, {}, true
  if #stopped > 0 then
    local codes, levels, vector, mark = bring_back(state, stopped, hit, preempt)
    for vm in pairs(codes) do
      failure.lost[#failure.lost + 1] = vm
    end
    if #failure.lost > 0 then
      state:rollback(mark)
      failure.proven = is_proven(vector, bound.limits(state, levels))
    end
  end
  state:rollback(before)
  table.sort(failure.lost, by_priority)
  for i, vm in ipairs(failure.lost) do
    failure.highest = math.max(failure.highest or -math.huge, vm.priority or 0)
    failure.lost[i] = vm.key
  end
end

local order = { node = 1, box = 2, device = 3 }

local function worse(a, b)
  if #a.lost ~= #b.lost then
    return #a.lost > #b.lost
  elseif (a.highest or -math.huge) ~= (b.highest or -math.huge) then
    return (a.highest or -math.huge) > (b.highest or -math.huge)
  elseif a.affected ~= b.affected then
    return a.affected > b.affected
  elseif a.kind ~= b.kind then
    return order[a.kind] < order[b.kind]
  end
  return a.name < b.name
end

---- how many devices may fail ---------------------------------------------------------------------

-- Whoever wants this machine down has to take its own devices and all free ones that suit it, but
-- for one less than it needs. `free` counts those of all alternatives.
local function cost_of(state, vm)
  local free, least = 0, 0
  local seen = {}
  for _, request in ipairs(vm.requests) do
    least = least + (request.min or request.count)
    for _, criteria in ipairs(request.alternatives) do
      for _, class in ipairs(state.groups:classes_for(criteria)) do
        if not seen[class] and (criteria.id or not state.id_only[class]) then
          seen[class] = true
          free = free + state.left[class]
        end
      end
    end
  end
  return #state.own[vm] + free - least + 1
end

-- Then the number is exact: every machine has one whole card, may start again where it is, and
-- nobody takes from others. Proof: what breaks a set of machines takes one device of each, and more
-- free ones than any single machine of the set has to choose from; so one machine is cheapest.
local function is_plain(state, vm)
  local request = vm.requests[1]
  local place, allowed = state.place[vm.node], false
  for _, other in ipairs((state:nodes_for(vm))) do
    allowed = allowed or other == place
  end
  return #vm.requests == 1 and request.count == 1 and #state.own[vm] == 1
    and state_of.is_simple(vm) and place ~= nil and not place.closed and allowed
end

-- The number of devices that may fail at once, whichever they are, so that all machines come back.
local function spare(state, failures, preempt)
  local least, weakest, exact = math.huge, nil, not preempt
  for _, vm in ipairs(state.situation.vms) do
    if vm.running and #vm.requests > 0 and #state.own[vm] > 0 then
      local cost = cost_of(state, vm)
      exact = exact and is_plain(state, vm)
      if cost < least then
        least, weakest = cost, vm.key
      end
    end
  end
  if not weakest then
    return nil
  end
  local at_most, at_least = math.max(0, least - 1), 1
  for _, failure in ipairs(failures) do
    if failure.kind == "device" and #failure.lost > 0 then
      at_least = 0
      at_most = failure.proven and 0 or at_most
    end
  end
  if exact then
    return { at_least = at_most, at_most = at_most, exact = true, weakest = weakest }
  end
  at_least = math.min(at_least, at_most)
  return { at_least = at_least, at_most = at_most, exact = at_least == at_most, weakest = weakest }
end

-- Every single failure of a node, a box, a device, the worst first, and how many devices may fail.
--   options: policy, preempt
---@param situation Situation
---@param options table?
---@return { failures: table[], devices: table?, running: integer }
function M.weakest(situation, options)
  options = plan.options(options)
  local state = open(situation, options)
  local failures, running = single_failures(state), 0
  for _, failure in ipairs(failures) do
    try(state, failure, options.preempt)
  end
  for _, vm in ipairs(situation.vms) do
    running = running + (vm.running and 1 or 0)
  end
  local devices = spare(state, failures, options.preempt)
  table.sort(failures, worse)
  return { failures = failures, devices = devices, running = running }
end

return M
