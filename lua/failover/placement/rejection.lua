-- Why a plan has no place for a machine: a code and a sentence, from what is left of the kind that
-- it wants. Equal machines get equal sentences, made once.
local judge = require("failover.placement.judge")

local M = {}

local function of_nodes(state, vm, code)
  local words = {}
  for _, place in ipairs((state:nodes_for(vm))) do
    if #words < 6 then
      words[#words + 1] = place.closed and place.name .. ": " .. place.closed
        or ("%s: %s of %s"):format(place.name, place.node.capacity
          and place.node.capacity - math.max(place.room, 0) or "any number",
          place.node.capacity or "any number")
    end
  end
  if code == "CAPACITY" then
    return ("no board has room for its devices (%s)"):format(table.concat(words, ", "))
  elseif #words == 0 then
    return "none of the nodes that may run it is in parameters.lua"
  end
  return ("no node that may run it can take it (%s)"):format(table.concat(words, ", "))
end

-- What has become of the devices of one kind: how many there are, and how many for each code.
local function census(state, request)
  local total, counts, seen = 0, {}, {}
  for _, criteria in ipairs(request.alternatives) do
    for _, class in ipairs(state.groups:classes_for(criteria)) do
      for _, device in ipairs(class.devices) do
        if not seen[device] then
          seen[device] = true
          total = total + 1
          local code = "TAKEN"
          if state.status[device] == "no" or (state.id_only[class] and not criteria.id) then
            code = state.code[device] or "MISSING"
          elseif device.kind == "partitionable" then
            code = not state.share[device] and "UNREACHABLE"
              or judge.shortage(criteria, {
                free_vram = state.share[device].free, most = state.share[device].left,
              }) or "OTHER_NODE"
          elseif state.taken[device] and state.taken[device].running then
            code = "HELD_BY"
          elseif not state.taken[device] and state.left[class] > 0 then
            code = "BOX"
          end
          counts[code] = (counts[code] or 0) + 1
        end
      end
    end
  end
  return total, counts
end

local words = {
  TAKEN = "given to machines that come first", HELD_BY = "used by running machines",
  BOX = "free, but not enough in the right boxes or of the same kind",
  MISSING = "missing or failed",
  VRAM_SHORT = "without enough free memory or partitions",
  OTHER_NODE = "on nodes where the rest does not fit",
}

local function of_devices(state, vm)
  local tightest
  for _, request in ipairs(vm.requests) do
    local total, counts = census(state, request)
    local free = (counts.BOX or 0) + (counts.OTHER_NODE or 0) - (request.min or request.count)
    if not tightest or free < tightest.free then
      tightest = { request = request, total = total, counts = counts, free = free }
    end
  end
  local request = tightest.request
  local wanted = ("%s%s"):format(request.count > 1 and request.count .. " x " or "",
    request.title or "a device")
  if tightest.total == 0 then
    return "NO_DEVICE", ("%s: none of the %d known devices is of that kind"):format(wanted,
      #state.situation.devices)
  end
  local codes, parts = {}, {}
  for code in pairs(tightest.counts) do
    codes[#codes + 1] = code
  end
  table.sort(codes)
  for i, code in ipairs(codes) do
    parts[i] = ("%d %s"):format(tightest.counts[code], words[code] or code)
  end
  local code = #codes == 1 and codes[1] or (tightest.counts.TAKEN and "TAKEN" or "NO_DEVICE")
  return code, ("%s: of %d known: %s"):format(wanted, tightest.total, table.concat(parts, ", "))
end

local function key_of(state, vm, code)
  local list = { code, select(2, state:nodes_for(vm)) }
  for _, request in ipairs(vm.requests) do
    list[#list + 1] = request.count .. "/" .. (request.min or request.count)
      .. (request.same_box and "s" or "") .. (request.different_box and "d" or "")
    for _, criteria in ipairs(request.alternatives) do
      list[#list + 1] = state.groups:kind(criteria).number
    end
  end
  return table.concat(list, "\1")
end

-- cache: a table that lives as long as the state does not change.
---@return Rejection
function M.of(state, vm, code, cache)
  local key = key_of(state, vm, code)
  local found = cache[key]
  if not found then
    local exact, text
    if code == "TAKEN" then
      exact, text = of_devices(state, vm)
    else
      exact, text = code, of_nodes(state, vm, code)
    end
    found = { code = exact, text = text }
    cache[key] = found
  end
  return { code = found.code, text = found.text, rejected = {} }
end

return M
