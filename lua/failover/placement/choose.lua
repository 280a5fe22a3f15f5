-- The devices for one machine on one node, at the moment it starts there. Nobody is asked and no
-- plan is kept: what the machine is owed follows from the situation alone, so two nodes that look
-- at the same world choose the same.
--
-- The order of preference is the order of the keys in `before` below, and is told in
-- docs/placement.md.
local fit = require("failover.placement.fit")
local groups = require("failover.placement.groups")
local judge = require("failover.placement.judge")
local reasons = require("failover.placement.reasons")
local find = require("core.lists").find

local M = {}

local HERE_OWN, HERE, POOL, NODE, SILENT_NODE, AMBIGUOUS, OTHERS, VICTIM = 1, 2, 3, 4, 5, 6, 7, 8
local words = {
  [HERE_OWN] = "here", [HERE] = "here", [POOL] = "pool", [NODE] = "node", [SILENT_NODE] = "node",
  [VICTIM] = "lower priority",
}

local function rejection(code, text, rejected)
  return nil, { code = code, text = text, rejected = rejected or {} }
end

-- Where a device would come from; with the machine that would lose it.
local function origin(about, device)
  if device.kind == "partitionable" then
    return HERE
  elseif device.node == about.node.name then
    return device.vm == about.vm.key and HERE_OWN or HERE
  elseif not device.node then
    return POOL
  end
  local holder = find(about.situation.nodes, "name", device.node)
  return holder and holder.reachable and NODE or SILENT_NODE
end

-- The machine of lower priority that would have to give the device up, where policy allows it.
local function victim_of(about, device)
  local other = device.vm and device.vm ~= about.vm.key
    and find(about.situation.vms, "key", device.vm)
  return other and device.vm_running and (other.priority or 0) < (about.vm.priority or 0) and other
    or nil
end

-- How many devices of each box are in use: what policies count.
local function use_of_boxes(situation)
  local used = {}
  for _, device in ipairs(situation.devices) do
    if device.box and device.state == "held" then
      used[device.box] = (used[device.box] or 0) + 1
    end
  end
  return used
end

-- An idle card in the settings of another machine that is off, wherever it is: that one keeps it if
-- others do.
local function belongs_to_another(about, device)
  return device.vm ~= nil and device.vm ~= about.vm.key and not device.vm_running
end

-- What is better left alone comes late, wherever it is.
local function rank_of(about, device, from)
  if belongs_to_another(about, device) then
    return OTHERS
  elseif device.ambiguous and device.node == about.node.name then
    return AMBIGUOUS -- one that comes is told by its coming; of these nobody can tell
  end
  return from
end

-- The facts by which two candidates are compared, in the order they count.
local function key_of(about, device, from, victim)
  local used = device.box and about.boxes[device.box] or 0
  return {
    rank_of(about, device, from), victim and victim.priority or 0, from,
    about.pressure[about.groups.class_of[device.id]] or 0,
    about.policy.policy == "consolidate" and -used or used, device.cost or 0,
  }
end

local function before(a, b)
  for i = 1, #a.key do
    if a.key[i] ~= b.key[i] then
      return a.key[i] < b.key[i]
    end
  end
  return a.device.id < b.device.id
end

-- All candidates of one alternative, judged and ranked; those left out go to `rejected`.
local function candidates_for(about, criteria, number, rejected)
  local list = {}
  for _, device in ipairs(about.situation.devices) do
    local objection = judge.judge(criteria, device, about)
    local from, victim = origin(about, device), nil
    if objection and objection.code == "HELD_BY" and about.policy.preempt then
      victim = victim_of(about, device)
      if victim and not judge.here(device, about) then
        objection, from = nil, VICTIM
      end
    end
    if objection then
      rejected[#rejected + 1] = {
        device = device, code = objection.code, text = objection.text, request = number,
      }
    else
      list[#list + 1] = {
        device = device, from = from, victim = victim, key = key_of(about, device, from, victim),
      }
    end
  end
  table.sort(list, before)
  return list
end

-- The lists that fit.find takes, with and without the devices of others.
local function devices_of(found, with_victims)
  local lists = {}
  for number, alternatives in ipairs(found) do
    lists[number] = {}
    for i, list in ipairs(alternatives) do
      local devices = {}
      for _, candidate in ipairs(list) do
        if with_victims or candidate.from ~= VICTIM then
          devices[#devices + 1] = candidate.device
        end
      end
      lists[number][i] = devices
    end
  end
  return lists
end

local function comes(about, device)
  return device.kind ~= "partitionable" and device.node ~= about.node.name
end

-- Devices that a list lacks of so many, without those from elsewhere.
local function lacking(about, list, wanted)
  for _, device in ipairs(list) do
    wanted = wanted - (comes(about, device) and 0 or 1)
  end
  return math.max(0, wanted)
end

-- The board takes a number of devices; from elsewhere must not come more than is left. Each
-- request first gets as many as it lacks here, of the preferred ones; then the rest is given out.
local function room(about, lists)
  local node, wanted = about.node, 0
  local left = node.capacity and node.capacity - (node.held or 0) or math.huge
  for _, request in ipairs(about.vm.requests) do
    wanted = wanted + request.count
  end
  if wanted <= left then
    return lists
  end
  local allowed, result = {}, {}
  local function allow(list, most)
    for _, device in ipairs(list) do
      if comes(about, device) and not allowed[device] and left > 0 and most > 0 then
        allowed[device], left, most = true, left - 1, most - 1
      end
    end
  end
  for number, alternatives in ipairs(lists) do
    for _, list in ipairs(alternatives) do
      local lacks = lacking(about, list, about.vm.requests[number].count)
      if #list >= about.vm.requests[number].count then
        allow(list, lacks)
        break
      end
    end
  end
  for number, alternatives in ipairs(lists) do
    result[number] = {}
    for i, list in ipairs(alternatives) do
      allow(list, math.huge)
      local short = {}
      for _, device in ipairs(list) do
        if not comes(about, device) or allowed[device] then
          short[#short + 1] = device
        end
      end
      result[number][i] = short
    end
  end
  return result
end

local function entry_of(found, pick)
  for _, candidate in ipairs(found[pick.request][pick.alternative]) do
    if candidate.device == pick.device then
      return candidate
    end
  end
end

local function sentence(about, candidate)
  local device, from = candidate.device, candidate.from
  local title = device.title or device.id
  if from == VICTIM then
    return ("%s is taken from %s on %s, whose priority is lower"):format(title,
      candidate.victim.key, tostring(device.node))
  elseif device.kind == "partitionable" then
    return ("%s is in %s and has room for one more share"):format(title, about.node.name)
  elseif from == HERE_OWN or from == HERE then
    return ("%s is already connected to %s%s"):format(title, about.node.name,
      belongs_to_another(about, device) and ", in the settings of " .. device.vm .. ", which is off"
      or "")
  elseif from == POOL then
    return title .. " is free"
  end
  return ("%s is connected to %s, where no running machine is known to use it%s"):format(title,
    device.node, from == SILENT_NODE and " (that node does not answer)" or "")
end

local function choice_of(about, found, picks, degraded, rejected)
  local choice = { devices = {}, degraded = degraded, reasons = {}, rejected = rejected }
  for i, pick in ipairs(picks) do
    local candidate = entry_of(found, pick)
    choice.devices[i] = {
      device = pick.device, request = pick.request, alternative = pick.alternative,
      from = words[candidate.from], victim = candidate.victim and candidate.victim.key,
    }
    choice.reasons[i] = sentence(about, candidate)
    if #about.vm.requests[pick.request].alternatives > 1 then
      choice.reasons[i] = ("%s (alternative %d of %d)"):format(choice.reasons[i], pick.alternative,
        #about.vm.requests[pick.request].alternatives)
    end
  end
  if degraded then
    choice.reasons[#choice.reasons + 1] = ("fewer devices than wanted: %d"):format(#picks)
  end
  return choice
end

-- One reason for several: the code that all real candidates share, else NO_DEVICE.
local function common_code(rejected, short)
  local code
  for _, entry in ipairs(rejected) do
    if not reasons.is_static(entry.code) and (not short or entry.request == short) then
      if code and code ~= entry.code then
        return "NO_DEVICE"
      end
      code = entry.code
    end
  end
  return code or "NO_DEVICE"
end

-- The first request that has not enough devices by itself, with how many it has.
local function short_request(vm, found)
  for number, request in ipairs(vm.requests) do
    local most = 0
    for _, list in ipairs(found[number]) do
      most = math.max(most, #list)
    end
    if most < (request.min or request.count) then
      return number, most
    end
  end
end

local TOLD = 5 -- candidates that a rejection's text names

local function told(rejected, short)
  local list, more = {}, 0
  for _, entry in ipairs(rejected) do
    if not reasons.is_static(entry.code) and entry.request == short then
      if #list < TOLD then
        list[#list + 1] = ("%s: %s, %s"):format(entry.device.title or entry.device.id, entry.code,
          entry.text)
      else
        more = more + 1
      end
    end
  end
  if more > 0 then
    list[#list + 1] = ("and %d more"):format(more)
  end
  return list
end

---@return nil
---@return Rejection
local function refuse(about, found, rejected)
  local vm = about.vm
  local short, most = short_request(vm, found)
  if not short then
    local full = about.node.capacity and (about.node.held or 0) >= about.node.capacity
    return rejection(full and "CAPACITY" or common_code(rejected),
      ("no combination of devices satisfies all requests of %s on %s together"):format(vm.key,
        about.node.name), rejected)
  end
  local request = vm.requests[short]
  local lines = told(rejected, short)
  local text = ("%s wants %s%s, and %s can be had on %s"):format(vm.key,
    request.count > 1 and request.count .. " x " or "", request.title or "a device",
    most == 0 and "none" or "only " .. most, about.node.name)
  if #lines > 0 then
    text = text .. ": " .. table.concat(lines, "; ")
  elseif #about.situation.devices > 0 then
    text = text .. ": none of the " .. #about.situation.devices .. " known devices is of that kind"
  end
  return rejection(common_code(rejected, short), text, rejected)
end

local function names(list, name)
  for _, entry in ipairs(list) do
    if entry == name then
      return true
    end
  end
  return false
end

-- The machines that will want devices, other than this one: what is scarce for them is spared.
local function others(situation, vm)
  local list = {}
  for _, other in ipairs(situation.vms) do
    if other.key ~= vm.key and not other.running then
      list[#list + 1] = other
    end
  end
  return list
end

-- Can this device be had by somebody at all? For the count of what is scarce.
local function is_usable(device)
  return (device.state == "free" or device.state == "held") and not device.vm_running
end

-- Why a device is taken that nobody is seen to use, and where it comes from, in the words of a
-- choice; its node was not asked.
---@param device Device
---@param node_name string
---@return string reason
---@return "here"|"pool"|"node" from
function M.reason(device, node_name)
  local about = { node = { name = node_name }, vm = {}, situation = { nodes = {} } }
  local from = origin(about, device)
  return sentence(about, { device = device, from = from }), words[from]
end

-- The devices with which a machine would start on a node now.
---@param situation Situation
---@param vm_key string
---@param node_name string
---@param policy { policy: "spread"|"consolidate"?, preempt: boolean? }?
---@return Choice?
---@return Rejection?
function M.choose(situation, vm_key, node_name, policy)
  local vm = find(situation.vms, "key", vm_key)
    or error("there is no virtual machine " .. tostring(vm_key), 2)
  local node = find(situation.nodes, "name", node_name)
    or error("there is no node " .. tostring(node_name), 2)
  if vm.nodes and not names(vm.nodes, node.name) then
    return rejection("NODE_NOT_ALLOWED", ("%s may run on %s, not on %s"):format(vm.key,
      table.concat(vm.nodes, ", "), node.name))
  end
  local about = {
    situation = situation, vm = vm, node = node, policy = policy or {}, for_use = true,
    groups = groups.open(situation), boxes = use_of_boxes(situation),
  }
  about.pressure = about.groups:pressure(others(situation, vm), is_usable)
  local found, rejected = {}, {}
  for number, request in ipairs(vm.requests) do
    found[number] = {}
    for i, criteria in ipairs(request.alternatives) do
      found[number][i] = candidates_for(about, criteria, number, rejected)
    end
  end
  for _, with_victims in ipairs({ false, policy and policy.preempt or nil }) do
    local lists = room(about, devices_of(found, with_victims))
    local picks, degraded = fit.find(vm.requests, lists, { degraded = true })
    if picks then
      return choice_of(about, found, picks, degraded, rejected)
    end
  end
  return refuse(about, found, rejected)
end

return M
