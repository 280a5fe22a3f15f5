-- Where all machines go: as many of the highest priority as can be, of these as many as can be with
-- all that they want, then the same for the next priority. What is already there stays where that
-- costs nobody a place.
--
-- "Optimal" speaks of that: no plan places a better set. It is said only when it is proven: all are
-- placed, or a bound is met that no plan can pass, or every plan was tried (failover.placement.
-- search).
local bound = require("failover.placement.bound")
local devices = require("failover.placement.devices")
local nodes = require("failover.placement.nodes")
local place = require("failover.placement.place")
local rejection = require("failover.placement.rejection")
local search = require("failover.placement.search")
local state_of = require("failover.placement.state")

local M = {}

---- which machines, in which order ----------------------------------------------------------------

local function set_of(list)
  if not list then
    return nil
  end
  local set = {}
  for _, key in ipairs(list) do
    set[key] = true
  end
  return set
end

-- Fewest devices first: so the most machines of one priority find some.
local function sorting_keys(state, list)
  local keys = {}
  for _, vm in ipairs(list) do
    local wanted, choice = 0, math.huge
    for _, request in ipairs(vm.requests) do
      wanted = wanted + (request.min or request.count)
      local found = 0
      for _, criteria in ipairs(request.alternatives) do
        for _, class in ipairs(state.groups:classes_for(criteria)) do
          found = found + (state.left[class] or 0)
        end
      end
      choice = math.min(choice, found)
    end
    keys[vm] = { wanted, choice }
  end
  return keys
end

-- Machines to place, as a list of levels from the highest priority down: { priority, vms }.
-- Running ones that have to leave come first, unless a higher priority may take devices from them.
-- stopped: machines that do not run any more, whatever the situation says.
function M.levels(state, list, preempt, stopped)
  local keys, levels, by_name = sorting_keys(state, list), {}, {}
  local function runs(vm)
    return vm.running and not (stopped and stopped[vm]) or false
  end
  for _, vm in ipairs(list) do
    local tier = runs(vm) and not preempt and 1 or 0
    local name = tier .. "/" .. (vm.priority or 0)
    local level = by_name[name]
    if not level then
      level = { tier = tier, priority = vm.priority or 0, vms = {} }
      by_name[name] = level
      levels[#levels + 1] = level
    end
    level.vms[#level.vms + 1] = vm
  end
  table.sort(levels, function(a, b)
    if a.tier ~= b.tier then
      return a.tier > b.tier
    end
    return a.priority > b.priority
  end)
  for _, level in ipairs(levels) do
    table.sort(level.vms, function(a, b)
      local left, right = keys[a], keys[b]
      if runs(a) ~= runs(b) then
        return runs(a)
      elseif left[1] ~= right[1] then
        return left[1] < right[1]
      elseif left[2] ~= right[2] then
        return left[2] < right[2]
      end
      return a.key < b.key
    end)
  end
  return levels
end

---- placing ---------------------------------------------------------------------------------------

-- Places levels of machines into a state. Gives the codes of those that found no place, and for
-- each level how many are placed and how many of them with all that they want.
function M.fill(state, levels)
  local codes, vector = {}, {}
  for _, level in ipairs(levels) do
    local placed, full = {}, 0
    for _, vm in ipairs(level.vms) do
      local given, code = place.place(state, vm, (place.counts(vm)))
      if given then
        placed[#placed + 1] = vm
      else
        codes[vm] = code
      end
    end
    for _, vm in ipairs(placed) do
      full = full + (place.enlarge(state, vm) and 1 or 0)
    end
    vector[#vector + 1], vector[#vector + 2] = #placed, full
  end
  return codes, vector
end

---- the result ------------------------------------------------------------------------------------

local function origin(state, vm, device, node)
  local holder = device.vm and device.vm ~= vm.key and state.vm[device.vm]
  if device.kind == "partitionable" or device.node == node then
    if not (holder and holder.running) then
      return "here"
    end
  elseif not device.node then
    return "pool"
  end
  if holder and holder.running then
    return "lower priority", holder.key
  end
  return "node"
end

local function because(state, vm, given, node)
  if given.stays then
    return "it runs there"
  end
  for _, device in ipairs(state.own[vm]) do
    if device.node == node then
      return "it has a device there"
    end
  end
  if state:open_nodes(vm) == 1 then
    return "the only node that may take it"
  elseif state.policy == "consolidate" then
    return "consolidate: the fullest node with room"
  end
  return "spread: of the nodes with room the one with fewest devices in use"
end

local function result_of(state, vm)
  local given = state.given[vm]
  local entry = {
    node = given.node, devices = {}, degraded = false, stays = given.stays or false,
    why = because(state, vm, given, given.node), uncertain = vm.state == "unknown" or nil,
  }
  if given.stays then
    for i, device in ipairs(given.devices) do
      entry.devices[i] = { device = device, from = "here" }
    end
    entry.degraded = vm.degraded or false
    return entry
  end
  local wanted = 0
  for _, request in ipairs(vm.requests) do
    wanted = wanted + request.count
  end
  for i, pick in ipairs(given.units or given.picks) do
    local from, victim = origin(state, vm, pick.device, given.node)
    entry.devices[i] = {
      device = pick.device, request = pick.request, alternative = pick.alternative, from = from,
      victim = victim,
    }
  end
  entry.degraded = #entry.devices < wanted
  return entry
end

-- What has to be done, in words of devices and machines: running machines that move, devices that
-- come to a node, idle ones that make room.
local function moves_of(state, placed)
  local moves, load, used = {}, {}, {}
  for _, entry in ipairs(state.places) do
    load[entry.name] = entry.node.held or 0
  end
  for _, vm in ipairs(state.situation.vms) do
    local entry = placed[vm.key]
    if entry and vm.running and not entry.stays and vm.node ~= entry.node then
      moves[#moves + 1] = { kind = "vm", vm = vm.key, from = vm.node, to = entry.node }
    end
    for _, chosen in ipairs(entry and entry.devices or {}) do
      local device = chosen.device
      used[device] = true
      if device.kind ~= "partitionable" and device.node ~= entry.node then
        moves[#moves + 1] = {
          kind = "device", device = device, vm = vm.key, from = device.node, to = entry.node,
        }
        load[entry.node] = load[entry.node] + 1
        if device.node and load[device.node] then
          load[device.node] = load[device.node] - 1
        end
      end
    end
  end
  for _, device in ipairs(state.situation.devices) do
    local at = device.node and state.place[device.node]
    if at and at.node.capacity and load[at.name] > at.node.capacity and not used[device]
      and device.kind ~= "partitionable" and state.status[device] ~= "no" then
      moves[#moves + 1] = { kind = "release", device = device, from = at.name }
      load[at.name] = load[at.name] - 1
    end
  end
  return moves
end

-- Everything that the plan says, from a filled state.
function M.result(state, levels, codes)
  local order = {}
  for _, level in ipairs(levels) do
    table.move(level.vms, 1, #level.vms, #order + 1, order)
  end
  devices.hand_out(state, order)
  local placed, unplaced, cache = {}, {}, {}
  for _, vm in ipairs(state.situation.vms) do
    if state.given[vm] then
      placed[vm.key] = result_of(state, vm)
    elseif codes[vm] then
      unplaced[vm.key] = rejection.of(state, vm, codes[vm], cache)
    end
  end
  return { placed = placed, unplaced = unplaced, moves = moves_of(state, placed) }
end

---- the question ----------------------------------------------------------------------------------

-- Machines that keep what they have; the others that are to be placed.
local function divide(situation, options)
  local wanted, pinned, free = set_of(options.vms), {}, {}
  local highest, now = -math.huge, options.preempt and state_of.open(situation, options)
  local function leaves(vm)
    return options.leave and options.leave[vm.node]
  end
  for _, vm in ipairs(situation.vms) do
    if not vm.running and (not wanted or wanted[vm.key]) then
      highest = math.max(highest, vm.priority or 0)
    end
  end
  for _, vm in ipairs(situation.vms) do
    if vm.running and options.keep ~= false and not leaves(vm)
      and not (options.preempt and (vm.priority or 0) < highest and now:may_give(vm)) then
      pinned[#pinned + 1] = vm
    elseif #vm.requests > 0 and (vm.running or not wanted or wanted[vm.key]) then
      free[#free + 1] = vm
    end
  end
  return pinned, free
end

function M.count_boxes(state)
  for _, device in ipairs(state.situation.devices) do
    if device.box and state.taken[device] then
      state.boxes[device.box] = (state.boxes[device.box] or 0) + 1
    end
  end
end

-- Are the found numbers those of a bound, level by level?
local function reaches(vector, limit)
  for i = 1, #vector do
    if vector[i] ~= limit[i] then
      return false
    end
  end
  return true
end

local function all_placed(levels, vector)
  for i, level in ipairs(levels) do
    if vector[2 * i] ~= #level.vms then
      return false
    end
  end
  return true
end

-- Proves that the plan is optimal, or finds a better one. Gives what `fill` gives, and the proof.
--   empty: mark of the trail before `fill`; options: fresh() gives such a state anew;
--   exact; stopped
function M.prove(state, levels, codes, vector, empty, options)
  if all_placed(levels, vector) then
    return codes, vector, "every machine has all that it wants"
  end
  for _, limit in ipairs(bound.limits(options.fresh(), levels)) do
    if reaches(vector, limit.vector) then
      return codes, vector, limit.text
    end
  end
  if options.exact == false then
    return codes, vector, nil, "an exact search was not wanted"
  end
  local found = search.best(options.fresh, levels, vector, options.stopped)
  if not found.complete then
    return codes, vector, nil, found.why
  elseif not found.better then
    return codes, vector, "every other plan was tried, none places more"
  end
  state:rollback(empty)
  codes = search.apply(state, levels, found.better)
  return codes, found.vector, "every plan was tried, this one places most"
end

-- Options with `policy` as parameters.lua has it, a table { policy, preempt }, taken apart.
function M.options(given)
  local options = {}
  for name, value in pairs(given or {}) do
    options[name] = value
  end
  if type(options.policy) == "table" then
    if options.preempt == nil then
      options.preempt = options.policy.preempt
    end
    options.policy = options.policy.policy
  end
  return options
end

local function with(options, changes)
  local result = M.options(options)
  for name, value in pairs(changes) do
    result[name] = value
  end
  return result
end

-- The plan.
--   options: policy: "spread"|"consolidate", or { policy, preempt }; preempt; vms: keys of those to
--   place (nil: all); keep: running machines stay where they are (default true); leave: set of
--   names of nodes that are to be left; exact: false: no search where nothing proves the plan
--   optimal
---@param situation Situation
---@param options table?
---@return { placed: table, unplaced: table, moves: table[], optimal: boolean, proof: string?,
---  why_not_optimal: string? }
function M.plan(situation, options)
  options = M.options(options)
  if options.preempt then
    -- Nobody is disturbed where that is not needed.
    local calm = M.plan(situation, with(options, { preempt = false }))
    if not next(calm.unplaced) then
      return calm
    end
  end
  local pinned, free = divide(situation, options)
  local function fresh()
    local state = state_of.open(situation, options)
    for _, vm in ipairs(pinned) do
      state:pin(vm)
    end
    M.count_boxes(state)
    state.pressure = state.groups:pressure(free, function(device)
      return state.status[device] ~= "no" and not state.taken[device]
    end)
    return state
  end
  local state = fresh()
  local levels = M.levels(state, free, options.preempt)
  local empty = state.trail:mark()
  local codes, vector = M.fill(state, levels)
  local proof, why_not
  codes, vector, proof, why_not = M.prove(state, levels, codes, vector, empty, {
    fresh = fresh, exact = options.exact,
  })
  nodes.even_out(state)
  local result = M.result(state, levels, codes)
  result.optimal, result.proof, result.why_not_optimal = proof ~= nil, proof, why_not
  result.counts = vector
  return result
end

return M
