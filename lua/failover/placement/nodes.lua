-- Which node a machine goes to: allowed, alive, not drained, with room on its board; then what is
-- already there, then the policy. Where all nodes are full, machines of the plan with one device
-- move on to others (a chain), and after all are placed, spread is evened out the same way.
local M = {}

local function open(place)
  return not place.closed
end

-- How a policy compares two nodes; the one to prefer comes first.
local function better(policy, a, b)
  if a.used ~= b.used then
    if policy == "consolidate" then
      return a.used > b.used
    end
    return a.used < b.used
  end
  return a.number < b.number
end

-- The node on which it already has devices, or is registered, where that may be.
local function home(state, vm)
  for _, device in ipairs(state.own[vm]) do
    if device.node == vm.node and not state.taken[device] and state.status[device] ~= "no" then
      return state.place[vm.node]
    end
  end
end

-- A board that has more than it takes is no reason against a machine that brings no card.
local function has_room_for(place, cards)
  return cards == 0 or place.room >= cards
end

local function contains(list, place)
  for _, entry in ipairs(list) do
    if entry == place then
      return true
    end
  end
  return false
end

-- Places in the order in which they are tried, with room for so many cards.
function M.ordered(state, vm, cards)
  local list = {}
  local stay = home(state, vm)
  for _, place in ipairs((state:nodes_for(vm))) do
    if open(place) and has_room_for(place, cards) then
      list[#list + 1] = place
    end
  end
  table.sort(list, function(a, b)
    if (a == stay) ~= (b == stay) then
      return a == stay
    end
    return better(state.policy, a, b)
  end)
  return list
end

local function best(state, vm, cards)
  local stay, found = home(state, vm), nil
  local list = state:nodes_for(vm)
  if stay and open(stay) and has_room_for(stay, cards) and contains(list, stay) then
    return stay
  end
  for _, place in ipairs(list) do
    if open(place) and has_room_for(place, cards)
      and (not found or better(state.policy, place, found)) then
      found = place
    end
  end
  return found
end

---- machines that may be moved while the plan is made ---------------------------------------------

local function add_movable(state, vm, place, key)
  local list = place.movable[key]
  if not list then
    list = { n = 0 }
    place.movable[key] = list
  end
  state:set(list, list.n + 1, vm)
  state:set(list, "n", list.n + 1)
end

-- The last one of a list goes to another place.
local function shift(state, from, key, to)
  local list = from.movable[key]
  local vm = list[list.n]
  state:set(list, list.n, nil)
  state:set(list, "n", list.n - 1)
  add_movable(state, vm, to, key)
  state:set(state.given[vm], "node", to.name)
  state:set(from, "room", from.room + 1)
  state:set(from, "used", from.used - 1)
  state:set(to, "room", to.room - 1)
  state:set(to, "used", to.used + 1)
end

-- A chain of moves that ends at a place for which `ends` is true. Done at once.
---@return boolean
local function chain(state, start, ends)
  local came, queue, first = { [start] = {} }, { start }, 1
  local reached = {} -- keys whose places have all come already
  while queue[first] do
    local place = queue[first]
    first = first + 1
    for _, key in ipairs(state.movable_keys) do
      local list = place.movable[key]
      if list and list.n > 0 and not reached[key] then
        reached[key] = true
        for _, other in ipairs((state:nodes_for(list[1]))) do
          if not came[other] and open(other) then
            came[other] = { place, key }
            if ends(other) then
              local at = other
              while came[at][1] do
                shift(state, came[at][1], came[at][2], at)
                at = came[at][1]
              end
              return true
            end
            queue[#queue + 1] = other
          end
        end
      end
    end
  end
  return false
end

-- Makes room for so many cards on one of the places where the machine may be.
local function by_chain(state, vm, cards)
  for _, place in ipairs((state:nodes_for(vm))) do
    if open(place) and place.node.capacity then
      local mark = state.trail:mark()
      while place.room < cards and chain(state, place, function(other)
        return other.room >= 1
      end) do
        -- one more machine has moved on
      end
      if place.room >= cards then
        return place
      end
      state.trail:rollback(mark)
    end
  end
end

---- what the plan uses ----------------------------------------------------------------------------

-- A node for a machine whose devices are reserved; nil when there is none.
---@param cards integer
---@param shares integer
---@param only table? this place and no other
function M.take(state, vm, cards, shares, only)
  local place = only or best(state, vm, cards) or by_chain(state, vm, cards)
  if not place then
    return nil
  end
  state:set(place, "room", place.room - cards)
  state:set(place, "used", place.used + cards + shares)
  return place
end

-- The machine may be moved to another node of the plan: one card, and nothing holds it here.
function M.make_movable(state, vm, place)
  if home(state, vm) ~= place then
    local _, key = state:nodes_for(vm)
    if not state.movable_keys[key] then
      state.movable_keys[key] = true -- a key stays known, as the lists do
      state.movable_keys[#state.movable_keys + 1] = key
    end
    add_movable(state, vm, place, key)
    return true
  end
end

function M.forget_movable(state, vm, place)
  for _, list in pairs(place.movable) do
    for i = 1, list.n do
      if list[i] == vm then
        state:set(list, i, list[list.n])
        state:set(list, list.n, nil)
        state:set(list, "n", list.n - 1)
        return
      end
    end
  end
end

function M.give_back(state, place, cards, shares)
  state:set(place, "room", place.room + cards)
  state:set(place, "used", place.used - cards - shares)
end

-- Evens out the use of nodes: as long as a chain of moves leads from a node to one with at least
-- two devices less. What is left then differs by at most one wherever it may
-- (Harvey et al. 2003, optimal semi-matchings, for machines with one device).
function M.even_out(state)
  if state.policy ~= "spread" then
    return
  end
  local again = true
  while again do
    again = false
    local places, least = {}, math.huge
    for i, place in ipairs(state.places) do
      places[i] = place
      least = open(place) and math.min(least, place.used) or least
    end
    table.sort(places, function(a, b)
      return better("consolidate", a, b)
    end)
    for _, place in ipairs(places) do
      local used = place.used
      while place.used - least >= 2 and chain(state, place, function(other)
        return other.room >= 1 and other.used <= place.used - 2
      end) do
        again = true
      end
      if place.used ~= used then
        break
      end
    end
  end
end

return M
