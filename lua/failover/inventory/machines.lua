-- The virtual machines of parameters.lua: where they are, and which cards they have. A card is a
-- machine's when Hyper-V says that it is assigned to it; what cannot be told card by card is said
-- of all that it may be.
local bind = require("failover.inventory.bind")
local devices = require("failover.inventory.devices")
local judge = require("failover.placement.judge")
local normal = require("failover.parameters.requests")
local shares = require("failover.inventory.shares")

local M = {}

local function new(key, vm)
  local mmio, requests = vm.mmio or {}, {}
  for i, given in ipairs(vm.gpus) do
    requests[i] = normal.normalise(given)
  end
  return {
    key = key, name = vm.name or key, group = vm.group, requests = requests,
    priority = vm.priority or 0, nodes = vm.nodes, state = "absent", running = false, devices = {},
    degraded = false, mmio_low = devices.bytes(mmio.low), mmio_high = devices.bytes(mmio.high),
    registered = {},
  }
end

-- The one record of Hyper-V that says where a machine is: where it is active, else where it is
-- registered.
local function place(machine, found, complain)
  local chosen
  for _, one in ipairs(found) do
    machine.registered[#machine.registered + 1] = one.node
    if not chosen or one.vm.running and not chosen.vm.running then
      chosen = one
    elseif one.vm.running and chosen.vm.running then
      complain("%s is active on %s and on %s", machine.name, chosen.node, one.node)
    end
  end
  if chosen then
    local vm = chosen.vm
    machine.node, machine.state, machine.running = chosen.node, vm.state, vm.running
    machine.id, machine.uptime, machine.heartbeat = vm.id, vm.uptime, vm.heartbeat
  end
  return chosen
end

-- Notes that a card is assigned to a machine.
local function give(card, vm, label)
  if card.vm and card.vm ~= label then
    card.vm_running = card.vm_running or vm.running
    return
  end
  card.vm, card.vm_running, card.vm_known = label, card.vm_running or vm.running, vm.key ~= nil
end

-- Cards of a model that cannot be told apart: all of them are somebody's as soon as one may be.
local function settle_set(set)
  local users, labels, running, used = set.users, {}, false, 0
  for i, user in ipairs(users) do
    labels[i], used = user.label, used + user.count
    running = running or user.vm.running
  end
  local all = used >= #set.cards or #set.functions == #set.cards and used == #set.functions
  local whole = #users == 1 and all and not set.doubtful
  local titles = {}
  for i, card in ipairs(set.cards) do
    titles[i] = card.name or card.id
  end
  for _, card in ipairs(set.cards) do
    card.alike = table.concat(titles, ", ")
    if whole then
      give(card, users[1].vm, users[1].label)
    elseif #users > 0 then
      card.users, card.vm_running = labels, running
      card.vm = #users == 1 and labels[1] or nil
    else
      card.ambiguous = true -- idle, and its own node could not say where it is
    end
  end
  return whole
end

local function wanted_count(machine)
  local count = 0
  for _, request in ipairs(machine.requests) do
    count = count + request.count
  end
  return count
end

local function wants(machine, card)
  for _, request in ipairs(machine.requests) do
    for _, criteria in ipairs(request.alternatives) do
      if not judge.mismatch(criteria, card) then
        return true
      end
    end
  end
  return false
end

-- A machine that is off has no device assigned on the way between two nodes. Then the idle cards of
-- its node that it asks for, and no other machine there, are its own.
local function guess(machine, machines, cards)
  local found = {}
  for _, card in ipairs(cards) do
    local idle = card.node == machine.node and not card.vm and not card.users
    if idle and wants(machine, card) then
      for _, other in ipairs(machines) do
        if other ~= machine and other.node == machine.node and wants(other, card) then
          return
        end
      end
      found[#found + 1] = card.id
    end
  end
  if #found <= wanted_count(machine) then
    machine.devices, machine.guessed = found, #found > 0 or nil
  end
end

-- May what a machine has be this card, of which nothing tells where it is? Yes, where it has a
-- device of its model that is no card we know, or that the node does not show; and where nothing
-- tells what the card is, also where it has one of a model of which the node shows more than are
-- known.
local function may_have(has, card)
  local unknown = not (card.vendor and card.device)
  for _, list in ipairs({ has.other, has.gone }) do
    for _, assignment in ipairs(list) do
      if unknown or not (assignment.vendor and assignment.device)
        or assignment.vendor == card.vendor and assignment.device == card.device then
        return true
      end
    end
  end
  for set in pairs(unknown and has.sets or {}) do
    if set.doubtful then
      return true
    end
  end
  return false
end

local function doubt(cards, node, has, vm)
  for _, card in ipairs(cards) do
    if card.on == node and not card.location and not card.among and may_have(has, card) then
      card.doubt = card.doubt or { labels = {} }
      table.insert(card.doubt.labels, vm.label)
      card.doubt.running = card.doubt.running or vm.running
    end
  end
end

-- Where none of these machines is on, the card is used by nobody.
local function settle_doubts(cards)
  for _, card in ipairs(cards) do
    if card.doubt and card.doubt.running then
      card.users, card.vm_running = card.doubt.labels, true
    else
      card.doubt = nil
    end
  end
end

-- Looks at what every machine of a node has been assigned.
local function account(node, answer, bound, by_key, all, cards, complain)
  for _, vm in ipairs(answer.vms) do
    local machine = by_key[vm.key]
    -- one that is not ours is called by its name, unless one of ours has this name
    local label = vm.key or (by_key[vm.name] and vm.id) or vm.name
    vm.label = label
    local has = bind.assignments(bound, vm.assigned)
    for _, card in ipairs(has.cards) do
      give(card, vm, label)
    end
    for set, used in pairs(has.sets) do
      table.insert(set.users, { vm = vm, label = label, count = used.count })
    end
    local gone = #has.gone
    if gone > 0 then
      complain("%s on %s has %d device%s assigned that %s no longer there", label, node, gone,
        gone == 1 and "" or "s", gone == 1 and "is" or "are")
    end
    doubt(cards, node, has, vm)
    local mine = machine and machine.place and machine.place.vm == vm
    if mine then
      machine.other, machine.gone = #has.other, gone
    end
    all[#all + 1] = { vm = vm, has = has, machine = mine and machine or nil }
  end
end

-- The machines of parameters.lua, sorted by key; cards learn who has them.
function M.collect(parameters, answers, bound, nodes, cards, complain)
  local list, by_key, silent = {}, {}, false
  for key, vm in pairs(parameters.vms) do
    by_key[key] = new(key, vm)
    list[#list + 1] = by_key[key]
  end
  table.sort(list, function(a, b)
    return a.key < b.key
  end)
  local names, found = {}, {}
  for name, answer in pairs(answers) do
    names[#names + 1] = name
    silent = silent or not answer.reachable
  end
  table.sort(names)
  for _, name in ipairs(names) do
    for _, vm in ipairs(answers[name].vms) do
      if vm.key then
        found[vm.key] = found[vm.key] or {}
        table.insert(found[vm.key], { node = name, vm = vm })
      end
    end
  end
  for _, machine in ipairs(list) do
    machine.place = place(machine, found[machine.key] or {}, complain)
    machine.state = machine.place and machine.state or silent and "unknown" or "absent"
  end
  local all = {}
  for _, name in ipairs(names) do
    if bound[name] then
      account(name, answers[name], bound[name], by_key, all, cards, complain)
    end
  end
  settle_doubts(cards)
  for _, name in ipairs(names) do
    for _, set in ipairs(bound[name] and bound[name].sets or {}) do
      set.whole = settle_set(set)
    end
  end
  for _, one in ipairs(all) do
    local machine = one.machine
    if machine then
      for _, card in ipairs(one.has.cards) do
        table.insert(machine.devices, card.id)
      end
      for set, used in pairs(one.has.sets) do
        if set.whole then
          for _, card in ipairs(set.cards) do
            table.insert(machine.devices, card.id)
          end
        else
          machine.unresolved = (machine.unresolved or 0) + used.count
        end
      end
      table.sort(machine.devices)
    end
  end
  for _, node in ipairs(nodes) do
    shares.collect(node, answers[node.name], cards, by_key, cards)
  end
  for _, machine in ipairs(list) do
    if machine.node and not machine.running and #machine.devices == 0
      and not machine.unresolved then
      guess(machine, list, cards)
    end
    machine.place = nil
    machine.degraded = machine.running
      and #machine.devices + (machine.unresolved or 0) + (machine.other or 0)
        < wanted_count(machine)
  end
  return list
end

return M
