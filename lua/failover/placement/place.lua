-- One machine into a plan in the making, all or nothing: its devices, then its node. Machines that
-- want cards of any box are matched by units, so that others make room for them; those with shares
-- of a server's GPU or box rules get single devices that are then theirs.
local fit = require("failover.placement.fit")
local nodes = require("failover.placement.nodes")
local state_of = require("failover.placement.state")

local M = {}

local AGAIN = 4 -- times that devices are looked for again when some could not be reserved

---- by units --------------------------------------------------------------------------------------

-- The class of a device of its own that it does not have in this plan yet.
local function own_class(state, vm, kind, used)
  local home = state.place[vm.node]
  if state.stopped[vm] and home and home.closed then
    return nil -- its node is dead; the pool is nearer
  end
  for _, device in ipairs(state.own[vm]) do
    local class = state.groups.class_of[device.id]
    if kind.first[class] and not used[device] and state.status[device] ~= "no"
      and not state.taken[device] then
      used[device] = true
      return class
    end
  end
end

local function place_units(state, vm, units, request, number, count, used)
  for alternative = 1, request.count == 1 and 1 or #request.alternatives do
    local kind = state:unit_kind(request, request.count > 1 and alternative or nil)
    local mark, before, done = state.trail:mark(), #units, 0
    while done < count do
      local unit = { vm = vm, request = number, kind = kind }
      if not state.matching:place(unit, own_class(state, vm, kind, used)) then
        break
      end
      units[#units + 1], done = unit, done + 1
      unit.alternative = request.count > 1 and alternative or nil
    end
    if done == count then
      return true
    end
    state.trail:rollback(mark)
    for i = #units, before + 1, -1 do
      units[i] = nil
    end
  end
  return false
end

local function place_simple(state, vm, counts)
  local units, used = {}, {}
  for number, request in ipairs(vm.requests) do
    if not place_units(state, vm, units, request, number, counts[number], used) then
      return nil, "TAKEN"
    end
  end
  local place = nodes.take(state, vm, #units, 0)
  if not place then
    return nil, "CAPACITY"
  end
  local given = { node = place.name, units = units, cards = #units, shares = 0, counts = counts }
  state:set(state.given, vm, given)
  if #units == 1 and vm.requests[1].count == 1 and nodes.make_movable(state, vm, place) then
    given.movable = true
  end
  return given
end

---- by single devices -----------------------------------------------------------------------------

-- What does not change while a plan is made, as one number for each device: whether it is in the
-- settings of another machine, where it is, how much others want it; and its place by cost and id.
local function standing(state)
  if state.standing then
    return state.standing
  end
  local list, facts = {}, {}
  for i, device in ipairs(state.situation.devices) do
    list[i] = device
    facts[device] = {
      device.vm and 1 or 0, device.node and 1 or 0,
      state.pressure[state.groups.class_of[device.id]] or 0,
    }
  end
  local function compare(a, b)
    for i = 1, 3 do
      if facts[a][i] ~= facts[b][i] then
        return facts[a][i] < facts[b][i], true
      end
    end
    return nil, false
  end
  table.sort(list, function(a, b)
    local less, decided = compare(a, b)
    if decided then
      return less
    elseif (a.cost or 0) ~= (b.cost or 0) then
      return (a.cost or 0) < (b.cost or 0)
    end
    return a.id < b.id
  end)
  local result, group = {}, 0
  for i, device in ipairs(list) do
    group = group + (i > 1 and select(2, compare(list[i - 1], device)) and 1 or 0)
    result[device] = { group = group, position = i / (#list + 1) }
  end
  state.standing = result
  return result
end

local BOXES = 1000000 -- more than the devices that one box can have
local PUSHED = 1000000000 -- more than there are groups: others would have to move on

local function rank(state, vm, device, known)
  local used = device.box and state.boxes[device.box] or 0
  local group = device.vm == vm.key and -1 or known[device].group
  if group >= 0 and state.left[state.groups.class_of[device.id]] <= 0 then
    group = group + PUSHED
  end
  return group * BOXES + (state.policy == "consolidate" and -used or used) + known[device].position
end

-- Keeps the first `most` of a list in order while it grows.
local function insert(list, keys, device, key, most)
  local n = #list
  if n >= most then
    if key >= keys[list[n]] then
      return
    end
    list[n] = nil
    n = n - 1
  end
  keys[device] = key
  while n > 0 and keys[list[n]] > key do
    list[n + 1] = list[n]
    n = n - 1
  end
  list[n + 1] = device
end

-- The devices for one alternative, preferred first. Where boxes do not matter, as many as the whole
-- machine wants are enough: so many others of it can be in the way at most.
local function cards_for(state, vm, criteria, barred, most)
  local list, keys, known = {}, {}, standing(state)
  for _, class in ipairs(state.groups:classes_for(criteria)) do
    if not barred[class] and (criteria.id or not state.id_only[class])
      and state.matching:has(class) then
      for _, device in ipairs(class.devices) do
        if device.kind ~= "partitionable" and state.status[device] ~= "no"
          and not state.taken[device] then
          local key = rank(state, vm, device, known)
          if most then
            insert(list, keys, device, key, most)
          else
            list[#list + 1], keys[device] = device, key
          end
        end
      end
    end
  end
  if not most then
    table.sort(list, function(a, b)
      return keys[a] < keys[b]
    end)
  end
  return list
end

local function shares_for(state, criteria, place)
  local list = {}
  local wanted = criteria.partition.vram or 0
  for _, device in ipairs(place and place.shares or {}) do
    local share = state.share[device]
    if state.status[device] ~= "no" and share.left > 0 and share.free >= wanted
      and state.groups:fits(criteria, device) then
      list[#list + 1] = device
    end
  end
  local sign = state.policy == "consolidate" and 1 or -1
  table.sort(list, function(a, b)
    local left, right = state.share[a].free, state.share[b].free
    if left ~= right then
      return sign * left < sign * right
    end
    return a.id < b.id
  end)
  return list
end

local function with_counts(requests, counts)
  local list = {}
  for i, request in ipairs(requests) do
    list[i] = {
      count = counts[i], same_box = request.same_box, different_box = request.different_box,
      alternatives = request.alternatives,
    }
  end
  return list
end

-- Takes the picked devices out of what is left. Returns false and the class that has none to give.
local function reserve(state, vm, picks)
  for _, pick in ipairs(picks) do
    local device = pick.device
    if device.kind == "partitionable" then
      local share = state.share[device]
      local criteria = vm.requests[pick.request].alternatives[pick.alternative]
      pick.vram = criteria.partition.vram or 0
      state:set(share, "free", share.free - pick.vram)
      state:set(share, "left", share.left - 1)
    else
      local class = state.groups.class_of[device.id]
      if not state.matching:reserve(class) then
        return false, class
      end
      state:set(state.taken, device, vm)
      if device.box then
        state:set(state.boxes, device.box, (state.boxes[device.box] or 0) + 1)
      end
    end
  end
  return true
end

local function count_cards(picks)
  local cards = 0
  for _, pick in ipairs(picks) do
    cards = cards + (pick.device.kind ~= "partitionable" and 1 or 0)
  end
  return cards
end

-- Exactly these devices on this place, as failover.placement.search has found them.
function M.put(state, vm, picks, at)
  assert(reserve(state, vm, picks))
  local cards = count_cards(picks)
  nodes.take(state, vm, cards, #picks - cards, at)
  state:set(state.given, vm, { node = at.name, picks = picks, cards = cards,
    shares = #picks - cards })
end

local function ruled(request)
  return request.count > 1 and (request.same_box or request.different_box)
end

-- On one place, or, where only cards are wanted, on any.
-- cards_of: lists of cards that an attempt on another place has made; nothing has changed since.
local function place_on(state, vm, requests, place, cards_of)
  local barred, wanted = {}, 0
  for _, request in ipairs(requests) do
    wanted = wanted + request.count
  end
  for _ = 1, AGAIN do
    local candidates = {}
    for number, request in ipairs(requests) do
      candidates[number] = {}
      for i, criteria in ipairs(request.alternatives) do
        local list = criteria.partition and shares_for(state, criteria, place) or cards_of[criteria]
        if not list then
          list = cards_for(state, vm, criteria, barred, not ruled(request) and wanted or nil)
          cards_of[criteria] = list
        end
        candidates[number][i] = list
      end
    end
    local picks = fit.find(requests, candidates)
    if not picks then
      return nil, "TAKEN"
    end
    local mark = state.trail:mark()
    local ok, class = reserve(state, vm, picks)
    if ok then
      local cards = count_cards(picks)
      local found = (not place or cards == 0 or place.room >= cards)
        and nodes.take(state, vm, cards, #picks - cards, place)
      if found then
        return { node = found.name, picks = picks, cards = cards, shares = #picks - cards }
      end
      state.trail:rollback(mark)
      return nil, "CAPACITY"
    end
    state.trail:rollback(mark)
    barred[class], cards_of = true, {}
  end
  return nil, "TAKEN"
end

local function wants_share(vm)
  for _, request in ipairs(vm.requests) do
    for _, criteria in ipairs(request.alternatives) do
      if criteria.partition then
        return true
      end
    end
  end
  return false
end

local function place_devices(state, vm, counts)
  local requests = with_counts(vm.requests, counts)
  local given, why
  if wants_share(vm) then
    local cards_of, in_vain = {}, false
    for _, place in ipairs(nodes.ordered(state, vm, 0)) do
      -- Nodes without GPUs of their own are alike, but for their room.
      if not (in_vain and #place.shares == 0) then
        given, why = place_on(state, vm, requests, place, cards_of)
        in_vain = in_vain or (#place.shares == 0 and why == "TAKEN")
      end
      if given then
        break
      end
    end
  else
    given, why = place_on(state, vm, requests, nil, {})
  end
  if not given then
    return nil, why or "NO_NODE"
  end
  given.counts = counts
  state:set(state.given, vm, given)
  return given
end

---- both ------------------------------------------------------------------------------------------

-- Can the machine be on any node at all? Else the code of why not.
local function nowhere(state, vm)
  local list = state:nodes_for(vm)
  local code = #list == 0 and (vm.nodes and "NODE_NOT_ALLOWED" or "NO_NODE") or nil
  for _, place in ipairs(list) do
    if not place.closed then
      return nil
    end
    code = code and code ~= place.closed and "NO_NODE" or place.closed
  end
  return code
end

-- Places a machine with so many devices for each request. Nothing is changed when that cannot be.
---@return table? given { node, units | picks, cards, shares, counts }
---@return string? code
function M.place(state, vm, counts)
  local code = nowhere(state, vm)
  if code then
    return nil, code
  end
  local mark = state.trail:mark()
  state.matching:begin(mark)
  local given
  given, code = (state_of.is_simple(vm) and place_simple or place_devices)(state, vm, counts)
  if not given then
    state.trail:rollback(mark)
  end
  state.matching:begin(nil)
  return given, code
end

-- Takes a machine out of the plan again.
function M.remove(state, vm)
  local given = state.given[vm]
  local place = state.place[given.node]
  if given.movable then
    nodes.forget_movable(state, vm, place)
  end
  for _, unit in ipairs(given.units or {}) do
    state.matching:remove(unit)
  end
  for _, pick in ipairs(given.picks or {}) do
    local device = pick.device
    if device.kind == "partitionable" then
      local share = state.share[device]
      state:set(share, "free", share.free + pick.vram)
      state:set(share, "left", share.left + 1)
    else
      state:set(state.taken, device, nil)
      state.matching:give(state.groups.class_of[device.id])
      if device.box then
        state:set(state.boxes, device.box, state.boxes[device.box] - 1)
      end
    end
  end
  nodes.give_back(state, place, given.cards, given.shares)
  state:set(state.given, vm, nil)
end

-- The numbers of devices with which a machine may start, and those that it wants.
---@return integer[] least
---@return integer[] full
function M.counts(vm)
  local least, full = {}, {}
  for i, request in ipairs(vm.requests) do
    least[i], full[i] = request.min or request.count, request.count
  end
  return least, full
end

-- As many devices as can be had for a machine that has the least: all, or fewer of each request.
function M.enlarge(state, vm)
  local least, full = M.counts(vm)
  local missing = 0
  for i in ipairs(full) do
    missing = math.max(missing, full[i] - least[i])
  end
  for less = 0, missing - 1 do
    local counts = {}
    for i in ipairs(full) do
      counts[i] = math.max(least[i], full[i] - less)
    end
    local mark = state.trail:mark()
    M.remove(state, vm)
    if M.place(state, vm, counts) then
      return less == 0
    end
    state.trail:rollback(mark)
  end
  return missing == 0
end

return M
