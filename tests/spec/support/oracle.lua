-- The best plan by trying every one, and the rules that each plan must keep: written without the
-- engine, from plain tables and placement.judge alone.
local judge = require("failover.placement").judge

local M = {}

---- what is allowed ------------------------------------------------------------------------------

-- The situation as it is for a plan: machines that are to be placed hold nothing for good.
local function loosened(situation, stays)
  local devices = {}
  for i, device in ipairs(situation.devices) do
    local copy = setmetatable({ original = device }, { __index = device })
    if device.vm and not stays[device.vm] then
      copy.vm_running = false
    end
    devices[i] = copy
  end
  return devices
end

local function is_usable(situation, vm, criteria, device)
  return judge(criteria, device, { vm = vm, situation = situation }) == nil
end

-- Does anybody get it, at least by its id?
local function is_stuck(situation, device)
  return judge({ id = device.id }, device, { situation = situation }) ~= nil
end

-- Cards that a board has room for, beside those that cannot be taken from it.
local function rooms(situation, devices)
  local room = {}
  for _, node in ipairs(situation.nodes) do
    room[node.name] = node.capacity or math.huge
  end
  for _, device in ipairs(devices) do
    if device.kind == "card" and device.node and is_stuck(situation, device) then
      room[device.node] = room[device.node] - 1
    end
  end
  return room
end

local function may_run(vm, node, leave)
  if not node.reachable or node.drained or (leave and leave[node.name]) then
    return false
  end
  for _, name in ipairs(vm.nodes or { node.name }) do
    if name == node.name then
      return true
    end
  end
  return false
end

local function boxes_allow(request, list)
  if #list < 2 or not (request.same_box or request.different_box) then
    return true
  end
  local seen = {}
  for i, device in ipairs(list) do
    if not device.box or (request.same_box and i > 1 and device.box ~= list[1].box)
      or (request.different_box and seen[device.box]) then
      return false
    end
    seen[device.box] = true
  end
  return true
end

---- every plan -----------------------------------------------------------------------------------

-- Lists of so many devices, in every way.
local function subsets(list, count, fn)
  local taken = {}
  local function from(i)
    if #taken == count then
      fn(taken)
      return
    end
    for j = i, #list do
      taken[#taken + 1] = list[j]
      from(j + 1)
      taken[#taken] = nil
    end
  end
  from(1)
end

-- Every way for one machine on one node: { node, full, uses = { {device, vram}... } }.
local function ways(situation, devices, vm, node, into)
  local function request(number, uses, full)
    local wish = vm.requests[number]
    if not wish then
      into[#into + 1] = { node = node.name, full = full, uses = uses }
      return
    end
    for _, criteria in ipairs(wish.alternatives) do
      local list = {}
      for _, device in ipairs(devices) do
        if is_usable(situation, vm, criteria, device)
          and (device.kind == "card" or device.node == node.name) then
          list[#list + 1] = device
        end
      end
      for count = wish.count, wish.min, -1 do
        subsets(list, count, function(taken)
          if not boxes_allow(wish, taken) then
            return
          end
          local all = table.move(uses, 1, #uses, 1, {})
          for _, device in ipairs(taken) do
            for _, use in ipairs(uses) do
              if use.device == device then
                return
              end
            end
            all[#all + 1] = {
              device = device, vram = criteria.partition and criteria.partition.vram or nil,
            }
          end
          request(number + 1, all, full and count == wish.count)
        end)
      end
    end
  end
  request(1, {}, true)
end

local function more(a, b)
  for i = 1, #a do
    if a[i] ~= b[i] then
      return a[i] > b[i]
    end
  end
  return false
end

-- Machines to place, with their level: running ones that leave first, then by priority.
function M.levels(situation, stays)
  local names, list, number = {}, {}, {}
  for _, vm in ipairs(situation.vms) do
    if not stays[vm.key] then
      local name = (vm.running and 1000 or 0) + vm.priority
      if not number[name] then
        names[#names + 1], number[name] = name, 0
      end
      list[#list + 1] = { vm = vm, name = name }
    end
  end
  table.sort(names, function(a, b)
    return a > b
  end)
  for i, name in ipairs(names) do
    number[name] = i
  end
  for _, entry in ipairs(list) do
    entry.level = number[entry.name]
  end
  table.sort(list, function(a, b)
    return a.level < b.level
  end)
  return list, #names
end

-- Placed and fully served machines for each level, of the best plan of all.
---@return integer[]
function M.best(situation, stays, leave)
  local devices = loosened(situation, stays)
  local list, levels = M.levels(situation, stays)
  local room, used, vector, best = rooms(situation, devices), {}, {}, nil
  for i = 1, 2 * levels do
    vector[i] = 0
  end
  for _, entry in ipairs(list) do
    entry.ways = {}
    for _, node in ipairs(situation.nodes) do
      if may_run(entry.vm, node, leave) then
        ways(situation, devices, entry.vm, node, entry.ways)
      end
    end
  end
  local function hopeful(number)
    local most = table.move(vector, 1, #vector, 1, {})
    for i = number, #list do
      local level = list[i].level
      most[2 * level - 1], most[2 * level] = most[2 * level - 1] + 1, most[2 * level] + 1
    end
    return not best or more(most, best)
  end
  local function use(way, sign)
    for _, one in ipairs(way.uses) do
      local mine = used[one.device] or { times = 0, vram = 0 }
      used[one.device] = mine
      mine.times, mine.vram = mine.times + sign, mine.vram + sign * (one.vram or 0)
      if one.device.kind == "card" then
        room[way.node] = room[way.node] - sign
      end
    end
  end
  local function fits(way)
    local cards = 0
    for _, one in ipairs(way.uses) do
      local mine, device = used[one.device], one.device
      if device.kind == "card" then
        cards = cards + 1
        if mine and mine.times > 0 then
          return false
        end
      elseif (mine and mine.times or 0) + device.partitions + 1 > device.most
        or (mine and mine.vram or 0) + one.vram > device.free_vram then
        return false
      end
    end
    return cards == 0 or cards <= room[way.node]
  end
  local function try(number)
    if not hopeful(number) then
      return
    elseif number > #list then
      best = table.move(vector, 1, #vector, 1, {})
      return
    end
    local level = list[number].level
    for _, way in ipairs(list[number].ways) do
      if fits(way) then
        use(way, 1)
        vector[2 * level - 1] = vector[2 * level - 1] + 1
        vector[2 * level] = vector[2 * level] + (way.full and 1 or 0)
        try(number + 1)
        vector[2 * level - 1] = vector[2 * level - 1] - 1
        vector[2 * level] = vector[2 * level] - (way.full and 1 or 0)
        use(way, -1)
      end
    end
    try(number + 1)
  end
  try(1)
  return best
end

---- the rules that a plan keeps -------------------------------------------------------------------

-- Raises where a plan breaks a rule; gives what it has placed for each level.
function M.check(situation, plan, stays, leave)
  local devices, by_id, nodes = loosened(situation, stays), {}, {}
  for _, device in ipairs(devices) do
    by_id[device.id] = device
  end
  for _, node in ipairs(situation.nodes) do
    nodes[node.name] = node
  end
  local list, levels = M.levels(situation, stays)
  local room, used, vector = rooms(situation, devices), {}, {}
  for i = 1, 2 * levels do
    vector[i] = 0
  end
  for _, entry in ipairs(list) do
    local vm, placed = entry.vm, plan.placed[entry.vm.key]
    assert((placed == nil) ~= (plan.unplaced[vm.key] == nil), vm.key .. " is nowhere")
    if placed then
      assert(may_run(vm, nodes[placed.node], leave), vm.key .. " may not run on " .. placed.node)
      local by_request = {}
      for _, chosen in ipairs(placed.devices) do
        local device = by_id[chosen.device.id]
        assert(device.original == chosen.device)
        local criteria = vm.requests[chosen.request].alternatives[chosen.alternative]
        assert(is_usable(situation, vm, criteria, device), device.id .. " does not fit " .. vm.key)
        local mine = used[device] or { times = 0, vram = 0 }
        used[device] = mine
        mine.times = mine.times + 1
        if device.kind == "card" then
          assert(mine.times == 1, device.id .. " is given twice")
          room[placed.node] = room[placed.node] - 1
          assert(room[placed.node] >= 0, placed.node .. " has more than its board takes")
        else
          mine.vram = mine.vram + criteria.partition.vram
          assert(device.node == placed.node and mine.vram <= device.free_vram
            and mine.times + device.partitions <= device.most, device.id .. " is overfull")
        end
        local group = by_request[chosen.request] or { alternative = chosen.alternative }
        by_request[chosen.request] = group
        assert(group.alternative == chosen.alternative, "alternatives are mixed")
        group[#group + 1] = device
      end
      local full = true
      for number, request in ipairs(vm.requests) do
        local group = by_request[number] or {}
        assert(#group >= request.min and #group <= request.count, vm.key .. " has a wrong number")
        assert(boxes_allow(request, group), vm.key .. " has devices of wrong boxes")
        full = full and #group == request.count
      end
      assert(placed.degraded == not full)
      local level = entry.level
      vector[2 * level - 1] = vector[2 * level - 1] + 1
      vector[2 * level] = vector[2 * level] + (full and 1 or 0)
    end
  end
  return vector
end

function M.answers(situation, name)
  for _, node in ipairs(situation.nodes) do
    if node.name == name then
      return node.reachable
    end
  end
  return false
end

-- Running machines that a plan leaves alone.
function M.stays(situation, leave)
  local set = {}
  for _, vm in ipairs(situation.vms) do
    if vm.running and not (leave and leave[vm.node]) then
      set[vm.key] = true
    end
  end
  return set
end

return M
