-- Which card of ExpEther Manager is which device of a node, and which virtual machine has it.
--
-- The manager knows a card by the id of its slot, a node by the location on its PCI bus, and
-- nothing in either names the other. So, in this order: the location that parameters.lua declares;
-- where exactly one card of a model is linked to the node and the node shows exactly one, these
-- two; else the cards and the locations of that model as a set, of which only so much is known as
-- holds for all of it; else nothing, and that is said.
local M = {}

-- Locations compare without case; the last digit pair of the last part is the function of a card.
local function plain(location)
  return location:upper()
end

local function slot(location)
  return (plain(location):gsub("%x%x%)$", ")"))
end

-- What the node shows, by location: plug and play's records, and Hyper-V's of dismounted devices.
local function functions_of(answer)
  local list, by_location = {}, {}
  local function at(location)
    local key = plain(location)
    if not by_location[key] then
      by_location[key] = { location = location }
      list[#list + 1] = by_location[key]
    end
    return by_location[key]
  end
  for _, device in ipairs(answer.pnp) do
    if device.location then
      local fn = at(device.location)
      fn.vendor, fn.device, fn.subclass = device.vendor, device.device, device.subclass
      fn.instance, fn.dismounted, fn.status = device.id, device.dismounted, device.status
      fn.name = not device.dismounted and device.name or nil
      fn.problem = not device.dismounted and device.problem or nil
    end
  end
  for _, device in ipairs(answer.assignable) do
    local fn = at(device.location)
    fn.vendor, fn.device = fn.vendor or device.vendor, fn.device or device.device
    fn.instance, fn.dismounted = fn.instance or device.instance, true
    fn.in_use = device.in_use
  end
  table.sort(list, function(a, b)
    return a.location < b.location
  end)
  return list, by_location
end

-- Cards here of which nothing tells what they are: any function may be theirs.
local function count_unknown(cards)
  local count = 0
  for _, card in ipairs(cards) do
    count = count + ((card.vendor and card.device) and 0 or 1)
  end
  return count
end

local function model_of(one)
  return one.vendor and one.device and one.vendor .. ":" .. one.device
end

-- Declared locations. A card that is not where it is said to be has none.
local function bind_declared(node, cards, by_location, claimed, complain)
  for _, card in ipairs(cards) do
    local declared = card.locations[node]
    local fn = declared and by_location[plain(declared)]
    if fn then
      card.location, card.fn, claimed[fn] = fn.location, fn, card
      if not card.vendor and fn.vendor then
        card.vendor, card.device, card.identity = fn.vendor, fn.device, "node"
      elseif fn.vendor and model_of(card) ~= model_of(fn) then
        complain("%s: %s shows %s at %s, which is not the %s of %s", card.id, node,
          model_of(fn), fn.location, model_of(card), card.title)
      end
    end
  end
end

local function group_by_model(list, keep)
  local groups, names = {}, {}
  for _, one in ipairs(list) do
    local model = model_of(one)
    if model and keep(one) then
      if not groups[model] then
        groups[model] = {}
        names[#names + 1] = model
      end
      table.insert(groups[model], one)
    end
  end
  table.sort(names)
  return groups, names
end

-- The cards of one model that may be what a node shows: those with a link, and where it shows more
-- than these, also those whose link is down; it may not have noticed yet.
local function may_be(cards, shown)
  local list, down = {}, {}
  for _, card in ipairs(cards) do
    table.insert(card.link == "down" and down or list, card)
  end
  if shown <= #list or #down == 0 then
    return list, false
  end
  return table.move(down, 1, #down, #list + 1, list), true
end

-- Finds the cards of a node's group among what it shows. Gives { cards = { slot -> card },
-- sets = list of { cards, functions }, set_of = { slot -> set }, unclaimed = functions of no card
-- }.
function M.node(name, answer, cards, complain)
  local functions, by_location = functions_of(answer)
  local claimed, result = {}, { cards = {}, sets = {}, set_of = {}, unclaimed = {} }
  bind_declared(name, cards, by_location, claimed, complain)
  local unknown = count_unknown(cards)
  local waiting, models = group_by_model(cards, function(card)
    return not card.location and not card.locations[name]
  end)
  local shown = group_by_model(functions, function(fn)
    return not claimed[fn]
  end)
  for _, model in ipairs(models) do
    local there = shown[model] or {}
    local here, stretched = may_be(waiting[model], #there)
    -- one may be of a card that is not described
    local doubtful = unknown > 0 and (stretched or #there > #here)
    if #here == 1 and #there == 1 and not doubtful then
      here[1].location, here[1].fn, claimed[there[1]] = there[1].location, there[1], here[1]
    elseif #there > 0 then
      local set = { cards = here, functions = there, users = {}, doubtful = doubtful }
      result.sets[#result.sets + 1] = set
      for _, fn in ipairs(there) do
        claimed[fn] = set
        result.set_of[slot(fn.location)] = set
      end
      for _, card in ipairs(here) do
        card.among = set
      end
    end
  end
  for _, card in ipairs(cards) do
    if card.location then
      result.cards[slot(card.location)] = card
    end
  end
  for _, fn in ipairs(functions) do
    local key = slot(fn.location)
    local set = result.set_of[key]
    if set and set.doubtful or not claimed[fn] and not result.cards[key] and not set then
      result.unclaimed[#result.unclaimed + 1] = fn
    end
  end
  return result
end

-- What a machine's assignments are: { cards = list, sets = { set -> locations used }, other = list
-- of assignments of no card, gone = list of those whose devices the node does not show }. A card
-- may have more functions than one assigned.
function M.assignments(bound, assigned)
  local result = { cards = {}, sets = {}, other = {}, gone = {} }
  local seen = {}
  for _, assignment in ipairs(assigned) do
    local key = assignment.present and assignment.location and slot(assignment.location)
    local card, set = key and bound.cards[key], key and bound.set_of[key]
    if not key then
      result.gone[#result.gone + 1] = assignment
    elseif card then
      if not seen[card] then
        seen[card] = true
        result.cards[#result.cards + 1] = card
      end
    elseif set then
      local used = result.sets[set] or { count = 0 }
      result.sets[set] = used
      if not used[key] then
        used[key] = true
        used.count = used.count + 1
      end
    else
      result.other[#result.other + 1] = assignment
    end
  end
  return result
end

return M
