-- Numbers that no plan can pass: the same machines with fewer rules. Once all of a machine's wishes
-- but one device are forgotten, and nodes too, what is left is a transversal matroid, whose best
-- sets are found exactly; likewise with nodes alone. A plan that reaches such a bound is optimal.
local matching = require("failover.placement.matching")
local trail = require("failover.placement.trail")

local M = {}

local function has_node(state, vm)
  for _, place in ipairs((state:nodes_for(vm))) do
    if not place.closed then
      return true
    end
  end
  return false
end

-- Classes that suit a request in any of its alternatives, and how many devices they have to give.
local function supply(state, request, left)
  local classes, seen, total = {}, {}, 0
  for _, criteria in ipairs(request.alternatives) do
    for _, class in ipairs(state.groups:classes_for(criteria)) do
      if not seen[class] and (criteria.id or not state.id_only[class]) then
        seen[class] = true
        classes[#classes + 1] = class
        total = total + left[class]
      end
    end
  end
  return classes, total
end

-- Shares count as devices: so many partitions as are left.
local function all_left(state)
  local left = {}
  for class, count in pairs(state.left) do
    left[class] = count
  end
  for _, place in ipairs(state.places) do
    for _, device in ipairs(place.closed and {} or place.shares) do
      local class = state.groups.class_of[device.id]
      left[class] = left[class] + math.max(0, math.min(state.share[device].left, 1000000))
    end
  end
  return left
end

-- The request of a machine that has the fewest devices to choose from; nil when one has too few.
local function tightest(state, vm, left)
  local found, fewest
  for _, request in ipairs(vm.requests) do
    local classes, total = supply(state, request, left)
    if total < (request.min or request.count) then
      return nil
    elseif not found or total < fewest then
      found, fewest = classes, total
    end
  end
  return found
end

local function count(levels, left, wish)
  local m, vector, kinds = matching.new(trail.new(), left), {}, {}
  for _, level in ipairs(levels) do
    local placed = 0
    for _, vm in ipairs(level.vms) do
      local classes, key = wish(vm)
      if classes == true then
        placed = placed + 1
      elseif classes then
        kinds[key] = kinds[key] or { classes = classes }
        placed = placed + (m:place({ kind = kinds[key] }) and 1 or 0)
      end
    end
    vector[#vector + 1], vector[#vector + 2] = placed, placed
  end
  return vector
end

local function by_devices(state, levels)
  local left = all_left(state) -- at the beginning; counting works on a copy
  local names = {}
  return count(levels, all_left(state), function(vm)
    local classes = has_node(state, vm) and tightest(state, vm, left)
    if not classes then
      return nil
    end
    local key = names[vm]
    if not key then
      local words = {}
      for i, class in ipairs(classes) do
        words[i] = class.number
      end
      key = table.concat(words, ",")
      names[vm] = key
    end
    return classes, key
  end)
end

-- Does the machine need a card in any case?
local function needs_card(vm)
  for _, request in ipairs(vm.requests) do
    local always = (request.min or request.count) > 0
    for _, criteria in ipairs(request.alternatives) do
      always = always and not criteria.partition
    end
    if always then
      return true
    end
  end
  return false
end

local function by_nodes(state, levels)
  local left, lists = {}, {}
  for _, place in ipairs(state.places) do
    left[place] = place.closed and 0 or math.max(0, place.room)
  end
  return count(levels, left, function(vm)
    local list, key = state:nodes_for(vm)
    if not has_node(state, vm) then
      return nil
    elseif not needs_card(vm) then
      return true
    end
    lists[key] = lists[key] or list
    return lists[key], key
  end)
end

-- For each level the most that can be placed, twice, and in what words that proves a plan.
---@param state PlacementState with the pinned machines and nothing else
---@return { vector: integer[], text: string }[]
function M.limits(state, levels)
  return {
    { vector = by_devices(state, levels), text = "there are no devices for a better set" },
    { vector = by_nodes(state, levels), text = "the nodes have no room for a better set" },
  }
end

return M
