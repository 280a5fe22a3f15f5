-- Devices for all the requests of one machine at once, all or nothing: one alternative per request,
-- no device twice, box rules kept. The first alternative that works for all together wins, and in
-- each list of candidates the earlier device is preferred; a later request may push an earlier one
-- to its next candidate (augmenting paths), so that nothing is missed.
local M = {}

local TRIES = 2000 -- combinations of alternatives and boxes that are tried for one machine

-- Units (one wanted device each) matched to their candidates. Each unit: { list = {Device...} }.
---@return table? taken unit number by device
local function match(units)
  local owner, given = {}, {}
  local function place(number, seen)
    for _, device in ipairs(units[number].list) do
      if not owner[device] and not seen[device] then
        owner[device], given[number] = number, device
        return true
      end
    end
    for _, device in ipairs(units[number].list) do
      if not seen[device] then
        seen[device] = true
        if place(owner[device], seen) then
          owner[device], given[number] = number, device
          return true
        end
      end
    end
    return false
  end
  for number in ipairs(units) do
    if not place(number, {}) then
      return nil
    end
  end
  return given
end

-- The boxes of a list in the order in which they appear, each with its devices.
local function by_box(list)
  local boxes, found = {}, {}
  for _, device in ipairs(list) do
    if device.box then
      local box = found[device.box]
      if not box then
        box = {}
        found[device.box] = box
        boxes[#boxes + 1] = box
      end
      box[#box + 1] = device
    end
  end
  return boxes
end

-- Calls fn with lists for the units of one request, one way after another, until it says true.
local function each_way(request, count, list, fn)
  if #list < count then
    return false
  elseif request.same_box and count > 1 then
    for _, box in ipairs(by_box(list)) do
      if #box >= count then
        local lists = {}
        for i = 1, count do
          lists[i] = box
        end
        if fn(lists) then
          return true
        end
      end
    end
    return false
  elseif request.different_box and count > 1 then
    local boxes, lists = by_box(list), {}
    local function choose(from)
      if #lists == count then
        return fn(lists)
      end
      for i = from, #boxes - (count - #lists) + 1 do
        lists[#lists + 1] = boxes[i]
        if choose(i + 1) then
          return true
        end
        lists[#lists] = nil
      end
      return false
    end
    return choose(1)
  end
  local lists = {}
  for i = 1, count do
    lists[i] = list
  end
  return fn(lists)
end

-- One attempt with fixed numbers of devices per request.
local function attempt(requests, counts, candidates, budget)
  local units, picks = {}, nil
  local function decide(number)
    if budget.left <= 0 then
      budget.exhausted = true
      return true
    elseif number > #requests then
      budget.left = budget.left - 1
      local given = match(units)
      if given then
        picks = {}
        for i, unit in ipairs(units) do
          picks[i] = {
            device = given[i], request = unit.request, alternative = unit.alternative,
          }
        end
      end
      return given ~= nil
    end
    local before = #units
    for alternative = 1, #requests[number].alternatives do
      local done = each_way(requests[number], counts[number], candidates[number][alternative],
        function(lists)
          for i = 1, #lists do
            units[before + i] = { list = lists[i], request = number, alternative = alternative }
          end
          local ok = decide(number + 1)
          if not ok then
            for i = #units, before + 1, -1 do
              units[i] = nil
            end
          end
          return ok
        end)
      if done then
        return true
      end
    end
    return false
  end
  decide(1)
  return picks
end

-- Numbers of devices per request, from all that is wanted down to the least, fewest missing first.
local function ways_down(requests, degraded)
  local full, total = {}, 0
  for i, request in ipairs(requests) do
    full[i] = request.count
    total = total + (degraded and request.count - (request.min or request.count) or 0)
  end
  local list = { full }
  local function lower(counts, from, missing)
    if missing == 0 then
      list[#list + 1] = table.move(counts, 1, #counts, 1, {})
      return
    end
    for i = from, #requests do
      if counts[i] > (requests[i].min or requests[i].count) and #list < 64 then
        counts[i] = counts[i] - 1
        lower(counts, i, missing - 1)
        counts[i] = counts[i] + 1
      end
    end
  end
  for missing = 1, total do
    lower(table.move(full, 1, #full, 1, {}), 1, missing)
  end
  return list
end

-- Devices for the requests of one machine.
--   candidates[request][alternative]: devices that fit, preferred first
--   options: degraded: less than `count` will do, down to `min`
---@param requests Request[]
---@param candidates Device[][][]
---@param options { degraded: boolean? }?
---@return { device: Device, request: integer, alternative: integer }[]? picks
---@return boolean degraded
---@return boolean exhausted not every combination was tried
function M.find(requests, candidates, options)
  local budget = { left = TRIES }
  for i, counts in ipairs(ways_down(requests, options and options.degraded)) do
    local picks = attempt(requests, counts, candidates, budget)
    if picks then
      return picks, i > 1, false
    elseif budget.exhausted then
      break
    end
  end
  return nil, false, budget.exhausted == true
end

return M
