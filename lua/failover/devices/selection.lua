-- Which devices a virtual machine gets: requests of parameters.lua, what is seen now
-- (failover.inventory), and the rules (failover.placement) brought together for one node. Only
-- looks, and no more than is needed: ExpEther Manager once, a node only when one of its devices is
-- a candidate. Which ones it has already: holdings.lua.
--
-- What comes out is a list for c.gpus:
--   { id, title, vendor, device, locations, seen_group, power, reachable, request, described,
--     from, victim, kept (the machine runs with it) }
local evidence = require("failover.safety.evidence")
local failure = require("failure")
local inventory = require("failover.inventory")
local judge = require("failover.placement.judge")
local choose = require("failover.placement.choose")
local placement = require("failover.placement")
local requests = require("failover.parameters.requests")
local find = require("core.lists").find

local M = {}

local function policy_of(c)
  return c.parameters.placement or { policy = "spread", preempt = false, wait = 0 }
end

-- Does every request name one certain device? Then nothing has to be compared.
---@param vm table of the parameters
function M.all_fixed(vm)
  for _, request in ipairs(vm.gpus) do
    if not requests.fixed(request) then
      return false
    end
  end
  return true
end

-- Does a request ask for a share of a GPU?
---@param vm table of the parameters
function M.wants_shares(vm)
  for _, request in ipairs(vm.gpus) do
    for _, criteria in ipairs(request.alternatives) do
      if criteria.partition then
        return true
      end
    end
  end
  return false
end

-- A card as steps know it. `picked`: how placement chose it.
function M.gpu_of(device, picked)
  return {
    id = device.id, title = device.title, vendor = device.vendor, device = device.device,
    locations = device.locations, seen_group = device.group_id, power = device.power,
    reachable = device.reachable, kind = device.kind, request = picked and picked.request,
    from = picked and picked.from, victim = picked and picked.victim, seen_on = device.node,
    kept = picked and picked.kept,
  }
end

---- what is seen ----------------------------------------------------------------------------------

-- Answers about nodes that this run has found silent just now: their time is not spent twice.
---@return table<string, table> NodeAnswer by name
function M.silent_nodes(c)
  local nodes = {}
  for name in pairs(c.memory.peers or {}) do
    local why = evidence.silent(c, name)
    if why then
      nodes[name] = {
        asked = true, reachable = false, why = why.message, vms = {}, assignable = {},
        pnp = {},
      }
    end
  end
  return nodes
end

-- Of devices that are asked for by id, only these.
function M.named_devices(c)
  local list = {}
  for _, request in ipairs(c.vm.gpus) do
    list[#list + 1] = c.eem:find_device(requests.fixed(request))
  end
  return list
end

-- Could the device be meant by one of the machine's requests, as far as its nature goes?
function M.is_wanted(vm_requests, device)
  for _, request in ipairs(vm_requests) do
    for _, criteria in ipairs(request.alternatives) do
      local code = judge.mismatch(criteria, device)
      if not code or code == "IDENTITY_UNKNOWN" then
        return true
      end
    end
  end
  return false
end

-- The nodes that have to be asked before the choice counts: those whose devices it takes; where
-- there is none, all that have a device of the kind; this one, where it has any; all, where one is
-- to come from another node.
local function not_asked(c, situation, choice)
  local wanted, list = {}, {}
  for _, device in ipairs(situation.devices) do
    local ours = device.node == c.node -- wanted or not: it may be what the machine runs with
    if ours or device.node and not choice and M.is_wanted(c.vm.gpus, device) then
      wanted[device.node] = true
    end
  end
  local from_others = false
  for _, picked in ipairs(choice and choice.devices or {}) do
    wanted[picked.device.node or ""] = true
    from_others = from_others or picked.from == "node"
  end
  for _, node in ipairs(situation.nodes) do
    if (wanted[node.name] or from_others) and not node.asked then
      list[#list + 1] = node.name
    end
  end
  return list
end

---- the choice ------------------------------------------------------------------------------------

local function position(list, entry)
  for i, one in ipairs(list or {}) do
    if one == entry then
      return i
    end
  end
end

-- Of cards here that nothing tells apart, as many as the machine runs with: shared out in the order
-- of the machines that have them. All of these have theirs, so it does not matter which is whose.
local function shared_out(situation, machine)
  local open, list = {}, {}
  for _, device in ipairs(situation.devices) do
    if device.node == machine.node and position(device.users, machine.key) then
      open[#open + 1] = device
    end
  end
  local first = open[1] and position(open[1].users, machine.key)
  for i = 1, math.min(machine.unresolved or 0, #open) do
    list[i] = open[(first + i - 2) % #open + 1]
  end
  return list
end

-- A machine that is active here keeps what it has: it is looked at, nothing is chosen anew.
local function kept(c, situation)
  local machine = find(situation.vms, "key", c.vm_name)
  if not machine.running or machine.node ~= c.node then
    return nil
  end
  local choice = { devices = {}, degraded = machine.degraded, reasons = {}, rejected = {} }
  local function keep(device, words)
    local count = #choice.devices + 1
    choice.devices[count] = { device = device, from = "here", kept = true }
    choice.reasons[count] = words:format(device.title)
  end
  for _, id in ipairs(machine.devices) do
    keep(find(situation.devices, "id", id), "%s is assigned to it already")
  end
  for _, device in ipairs(shared_out(situation, machine)) do
    keep(device, "%s or one that nothing tells from it is assigned to it already")
  end
  return #choice.devices > 0 and choice or nil
end

-- A device that is idle in the group of another node may be on its way: connected by a start there
-- whose machine does not run yet. It counts as held while any other machine that could want it is
-- not seen running. (Of a node that does not answer evidence is asked for, and that says more.)
local function on_its_way(c, situation)
  local fixed = {}
  for _, request in ipairs(c.vm.gpus) do
    fixed[requests.fixed(request) or ""] = true
  end
  for _, device in ipairs(situation.devices) do
    local node = device.state == "held" and device.node ~= c.node and not device.vm_running
      and find(situation.nodes, "name", device.node)
    for _, machine in ipairs(node and node.reachable and not fixed[device.id] and situation.vms
      or {}) do
      if machine.key ~= c.vm_name and not machine.running and M.is_wanted(machine.requests, device)
      then
        device.vm_running, device.vm = true, nil -- nobody's yet: no policy takes it
        device.why = ("%s may be starting with it on %s"):format(machine.key, device.node)
        break
      end
    end
  end
end

-- Leaves out devices that this run has lost to others.
local function without(situation, lost)
  if not lost or not next(lost) then
    return situation
  end
  for _, device in ipairs(situation.devices) do
    if lost[device.id] then
      device.state, device.vm_running, device.why = "held", true, lost[device.id]
    end
  end
  return situation
end

-- The choice where every request names one certain device and nothing is wrong with any of them:
-- the same that placement makes of a situation, without making one. Nil where there is more to say.
local function choose_named(c, found)
  local choice, taken = { devices = {}, degraded = false, reasons = {}, rejected = {} }, {}
  local quarantined = c.quarantine:active()
  for i, request in ipairs(c.vm.gpus) do
    local device = find(found, "id", requests.fixed(request))
    local card = device and inventory.card(c, device, quarantined)
    if not card or taken[card.id] or request.count ~= 1
      or judge.mismatch(request.alternatives[1], card) then
      return nil
    end
    taken[card.id] = true
    local reason, from = choose.reason(card, c.node)
    choice.reasons[i] = reason
    choice.devices[i] = { device = card, request = i, alternative = 1, from = from }
  end
  return choice
end

-- Chooses devices for c.vm on this node. Gives the choice, or nil and placement's rejection. Raises
-- what ExpEther Manager raises.
---@param c Context
---@return Choice?, Rejection?
function M.choose(c)
  local policy = policy_of(c)
  local fixed = M.all_fixed(c.vm)
  local shared = M.wants_shares(c.vm)
  local known, ask = { nodes = M.silent_nodes(c) }, shared and { c.node } or {}
  if fixed then
    known.eem = M.named_devices(c)
    local plain = not (shared or policy.preempt or c.vm.nodes or next(c.memory.lost or {}))
    local choice = plain and choose_named(c, known.eem)
    if choice then
      return choice
    end
  end
  while true do
    local situation, answers = inventory.read(c, {
      nodes = ask, known = known, costs = not fixed and c.costs or nil, partitions = shared,
    })
    without(situation, c.memory.lost)
    if not fixed then
      on_its_way(c, situation)
    end
    local choice, rejection = not fixed and kept(c, situation) or nil, nil
    if not choice then
      choice, rejection = placement.choose(situation, c.vm_name, c.node, policy)
    end
    -- Who uses a device that is asked for by id is asked by the step that takes it.
    local deep = not fixed or policy.preempt
    ask, known = deep and not_asked(c, situation, choice) or {}, answers
    if #ask == 0 then
      return choice, rejection
    end
  end
end

-- The shares of a choice as steps know them (steps/gpu_partition.lua); amounts in the units of the
-- driver.
---@param c Context
---@param choice Choice
---@return { id: string, gpu: string, title: string, vram: integer }[]
function M.shares(c, choice)
  local list = {}
  for _, picked in ipairs(choice.devices) do
    local device, request = picked.device, c.vm.gpus[picked.request or 0]
    local criteria = request and request.alternatives[picked.alternative]
    if device.kind == "partitionable" and criteria then
      list[#list + 1] = {
        id = device.id, gpu = device.gpu, title = device.title,
        vram = math.floor(criteria.partition.vram / (device.vram_unit or 1) + 0.5),
      }
    end
  end
  return list
end

-- The cards of a choice as steps know them.
---@param c Context
---@param choice Choice
function M.gpus(c, choice)
  local list = {}
  for _, picked in ipairs(choice.devices) do
    local request = c.vm.gpus[picked.request or 0]
    local gpu = picked.device.kind == "card" and M.gpu_of(picked.device, picked)
    if gpu then
      gpu.described = not (request and requests.fixed(request))
      gpu.quarantine = picked.device.quarantine
      list[#list + 1] = gpu
    end
  end
  return list
end

local hints = {
  IDENTITY_UNKNOWN = "give vendor and device of this id under devices in parameters.lua",
  QUARANTINED = "name one by id in parameters.lua, which takes it all the same, or remove "
    .. "quarantine.json from the state directory",
  MISSING = "is its I/O box on and cabled, and is its id right in parameters.lua? takeover gpu "
    .. "list shows what ExpEther Manager has",
  POWER_OFF = "switch its slot on; takeover gpu list shows its power",
  UNREACHABLE = "is its I/O box on and cabled? takeover gpu list shows when it is reached",
  LINK_DOWN = failure.codes.LINK_DOWN.remedy,
  FOREIGN = "free it in ExpEther Manager if nobody uses it (eemcli del_gid), or give the node of "
    .. "that group in parameters.lua",
}

-- Of a device that is asked for by id, what is wrong with it says more than that none can be had.
local function about_named(c, rejection)
  for _, entry in ipairs(rejection.rejected) do
    local request = c.vm.gpus[entry.request]
    if entry.code ~= "ID_MISMATCH" and request and requests.fixed(request) == entry.device.id then
      return entry.device.title .. ": " .. entry.text, entry.code
    end
  end
end

-- Raises the failure that says why nothing can be had.
---@param rejection Rejection
function M.raise(c, rejection)
  local named, named_code = about_named(c, rejection)
  local code = named_code or rejection.code
  if code == "FOREIGN" and named then
    -- somebody we do not know has it: nothing here may touch it
    failure.raise({ code = "REFUSED", message = named, hint = hints.FOREIGN })
  end
  failure.raise({
    code = code == "HELD_BY" and "HELD_BY" or "NO_DEVICE",
    message = named or rejection.text,
    hint = hints[code]
      or ("takeover gpu explain %s shows every device and its reason"):format(c.vm_name),
  })
end

-- What would complete a machine that runs with fewer devices than it wants: a sentence.
---@param situation Situation of all nodes
---@param key string
---@param policy table?
---@return string
function M.completing(situation, key, policy)
  local machine = find(situation.vms, "key", key)
  local wanted = requests.wanted({ gpus = machine.requests })
  local text = ("%d of %d devices"):format(#machine.devices, wanted)
  local choice = machine.node and placement.choose(situation, key, machine.node, policy)
  local titles = {}
  for _, picked in ipairs(choice and choice.devices or {}) do
    local has = false
    for _, id in ipairs(machine.devices) do
      has = has or id == picked.device.id
    end
    titles[#titles + 1] = not has and picked.device.title or nil
  end
  if #titles == 0 then
    return text .. "; no other device can be had now"
  end
  return ("%s; %s would complete it at its next start"):format(text, table.concat(titles, ", "))
end

return M
