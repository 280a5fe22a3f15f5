-- From classes to single devices: which one of several equal ones each machine of a plan gets. What
-- it has already stays with it; then what is connected to its node, the pool, other nodes; among
-- those of the pool the box by policy, then cost, then id.
local M = {}

local LAST = { belongs = 3, silent = 2, node = 1 }

local function order(a, b)
  if a.late ~= b.late then
    return a.late < b.late
  elseif a.cost ~= b.cost then
    return a.cost < b.cost
  end
  return a.device.id < b.device.id
end

-- The devices of a class that the plan may give, sorted into where they are.
local function shelves_of(state, class, given)
  local shelves = { here = {}, boxes = {}, names = {}, rest = {} }
  for _, device in ipairs(class.devices) do
    if device.kind ~= "partitionable" and state.status[device] ~= "no"
      and not state.taken[device] and not given[device] then
      local holder = device.node and state.place[device.node]
      local entry = { device = device, cost = device.cost or 0, late = 0 }
      local list
      if device.vm then
        entry.late, list = LAST.belongs, shelves.rest
      elseif holder then
        entry.late = holder.node.reachable and LAST.node or LAST.silent
        list = shelves.rest
        local here = shelves.here[holder.name] or {}
        shelves.here[holder.name] = here
        here[#here + 1] = entry
      else
        local box = device.box or ""
        list = shelves.boxes[box]
        if not list then
          list = {}
          shelves.boxes[box] = list
          shelves.names[#shelves.names + 1] = box
        end
      end
      list[#list + 1] = entry
    end
  end
  for _, set in ipairs({ shelves.here, shelves.boxes, { shelves.rest } }) do
    for _, list in pairs(set) do
      table.sort(list, order)
      list.first = 1
    end
  end
  table.sort(shelves.names)
  return shelves
end

-- The first of a list that is not given away yet.
local function front(list, given)
  local entry = list[list.first]
  while entry and given[entry.device] do
    list.first = list.first + 1
    entry = list[list.first]
  end
  return entry
end

local function from_pool(state, shelves, given)
  local found, use
  local sign = state.policy == "consolidate" and -1 or 1
  for _, box in ipairs(shelves.names) do
    local entry = front(shelves.boxes[box], given)
    local used = sign * (state.boxes[box] or 0)
    if entry and (not found or used < use) then
      found, use = entry, used
    end
  end
  return found
end

-- A device of its own in this class that it may have still.
local function own_of(state, vm, class, given)
  for _, device in ipairs(state.own[vm]) do
    if state.groups.class_of[device.id] == class and not given[device]
      and state.status[device] ~= "no" and not state.taken[device] then
      return device
    end
  end
end

local function pick(state, shelves, vm, unit, node, given)
  local here = shelves.here[node]
  local entry = here and front(here, given) or from_pool(state, shelves, given)
  return entry and entry.device or own_of(state, vm, unit.class, given)
    or front(shelves.rest, given).device
end

local function use(state, given, device)
  given[device] = true
  if device.box then
    state.boxes[device.box] = (state.boxes[device.box] or 0) + 1
  end
end

-- Does a machine keep this device of its own? One that has failed starts as any other: what is free
-- in the pool is nearer than what a dead node has.
local function keeps(state, vm, device, node)
  return device.node == node or not state.stopped[vm]
end

-- Gives every unit of these machines a device of its class: unit.device. The plan is final then.
---@param vms Machine[] in the order of priority
function M.hand_out(state, vms)
  local given, shelves = {}, {}
  for _, vm in ipairs(vms) do
    local entry = state.given[vm]
    for _, unit in ipairs(entry and entry.units or {}) do
      local device = own_of(state, vm, unit.class, given)
      unit.device = device and keeps(state, vm, device, entry.node) and device or nil
      if unit.device then
        use(state, given, device)
      end
    end
  end
  for _, vm in ipairs(vms) do
    local entry = state.given[vm]
    for _, unit in ipairs(entry and entry.units or {}) do
      if not unit.device then
        shelves[unit.class] = shelves[unit.class] or shelves_of(state, unit.class, given)
        unit.device = pick(state, shelves[unit.class], vm, unit, entry.node, given)
        use(state, given, unit.device)
      end
      unit.alternative = unit.alternative or unit.kind.first[unit.class]
    end
  end
end

return M
