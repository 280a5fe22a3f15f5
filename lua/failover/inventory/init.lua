-- What there is, seen now: every card of the I/O boxes, every node, every virtual machine of
-- parameters.lua, and who has what. Read live from ExpEther Manager's groups and Hyper-V's
-- assignments, never from a list of one's own, so that it cannot be out of date. Only looks.
--
--   local situation = require("failover.inventory").read(c, { nodes = "all" })
--
-- A situation is plain data: { devices, nodes, vms, warnings }, see lua/meta/situation.lua.
local problem_codes = require("failover.devices.problem_codes")
local ask = require("failover.inventory.ask")
local bind = require("failover.inventory.bind")
local devices = require("failover.inventory.devices")
local machines = require("failover.inventory.machines")

local M = {}

local FAILURE = 60 -- seconds that a failure lately counts for

local function sorted_names(t)
  local names = {}
  for name in pairs(t) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- The nodes of parameters.lua with their boards, by name and by group.
local function make_nodes(parameters, answers, boards, drained, complain)
  local list, by_group = {}, {}
  for i, name in ipairs(sorted_names(parameters.nodes)) do
    local entry, answer = parameters.nodes[name], answers[name]
    local board = entry.board and boards[entry.board] or (boards[entry.group_id] or {})[1]
    list[i] = {
      name = name, group_id = entry.group_id, reachable = answer.reachable, asked = answer.asked,
      why = answer.why, untold = answer.untold, held = 0, drained = (drained or {})[name] ~= nil,
      board = board and board.id, board_power = board and board.power,
      capacity = board and board.max_devices, unclaimed = {},
    }
    if board and board.group_id ~= entry.group_id then
      complain("the board of %s is in group %s, not in %d as parameters.lua says", name,
        tostring(board.group_id), entry.group_id)
    end
    by_group[entry.group_id] = list[i]
  end
  return list, by_group
end

-- The server boards, whoever has them.
local function boards_of(eem)
  local list = {}
  for _, device in ipairs(eem or {}) do
    if device.kind == "board" then
      list[#list + 1] = {
        id = device.id, group_id = device.group_id, free = device.free, power = device.power,
        model = device.model, serial = device.serial, capacity = device.max_devices,
      }
    end
  end
  table.sort(list, function(a, b)
    return a.id < b.id
  end)
  return list
end

-- Nodes by the ids of their boards. A card is in the tree of the server that it is linked to; its
-- group may be another one already.
local function boards_by_id(nodes, boards)
  local by_id = {}
  for _, node in ipairs(nodes) do
    for _, board in ipairs(boards[node.group_id] or {}) do
      by_id[board.id] = node
    end
    if node.board then
      by_id[node.board] = node
    end
  end
  return by_id
end

-- Which of the cards in a node's tree are where.
local function bind_node(node, answer, cards, complain)
  if not answer.reachable then
    return nil
  end
  local bound = bind.node(node.name, answer, cards, complain)
  node.unclaimed = bound.unclaimed
  for _, card in ipairs(cards) do
    local fn = card.fn
    card.shown_as = fn and fn.name or nil
    card.problem = fn and problem_codes.explain(fn.problem) and fn.problem or nil
    card.dismounted = fn and fn.dismounted
    card.class = card.class or fn and fn.subclass and fn.subclass .. "00" or nil
    card.unseen = card.vendor and not card.location and not card.among or nil
  end
  return bound
end

-- Makes a situation of answers (inventory/ask.lua). `quarantined`: entries by id. `failures`: how
-- often a device failed lately, by id; among equals, those that did not are better.
---@param parameters table
---@param answers table
---@param quarantined table<string, table>?
---@param drained table<string, table>? nodes that are drained
---@param failures table<string, integer>?
---@return Situation
function M.build(parameters, answers, quarantined, drained, failures)
  local warnings = table.move(answers.warnings, 1, #answers.warnings, 1, {})
  local function complain(...)
    warnings[#warnings + 1] = string.format(...)
  end
  local cards, _, boards = devices.collect(parameters, answers.eem, complain)
  local nodes, by_group = make_nodes(parameters, answers.nodes, boards, drained, complain)
  local by_board = boards_by_id(nodes, boards)
  local cards_of = {}
  for _, card in ipairs(cards) do
    local node = card.group_id and not card.free and by_group[card.group_id]
    if node then
      card.node = node.name
      node.held = node.held + 1
    end
    node = by_board[card.board or ""] or node
    if node then
      card.on = node.name
      cards_of[node.name] = cards_of[node.name] or {}
      table.insert(cards_of[node.name], card)
    end
  end
  local bound = {}
  for _, node in ipairs(nodes) do
    bound[node.name] = bind_node(node, answers.nodes[node.name], cards_of[node.name] or {},
      complain)
  end
  local vms = machines.collect(parameters, answers.nodes, bound, nodes, cards, complain)
  for _, card in ipairs(cards) do
    if card.kind == "card" then
      card.cost = FAILURE * ((failures or {})[card.id] or 0)
      devices.settle(card, card.node and by_group[card.group_id], (quarantined or {})[card.id])
      devices.finish(card)
    end
  end
  table.sort(cards, function(a, b)
    return a.id < b.id
  end)
  return {
    devices = cards, nodes = nodes, vms = vms, boards = boards_of(answers.eem), warnings = warnings,
  }
end

-- A card that is asked for by id, without a situation around it: what it is, in which node's
-- group, and whether it is quarantined. Nil where a situation says more: it is no card of an I/O
-- box, or in nobody's group.
---@param c Context
---@param device EemDevice
---@param quarantined table<string, table>? entries by id
---@return Device?
function M.card(c, device, quarantined)
  if device.kind ~= "io" then
    return nil
  end
  local card = devices.single(c.parameters, device)
  for name, node in pairs(not card.free and card.group_id and c.parameters.nodes or {}) do
    if node.group_id == card.group_id then
      card.node = name
    end
  end
  card.quarantine = (quarantined or {})[card.id]
  return (card.free or card.node) and card or nil
end

-- Looks at everything and says what there is. A node that does not answer is a warning. Raises what
-- ExpEther Manager raises. options:
--   nodes        "all" (the default), "own" or a list of names: which nodes are asked
--   partitions   GPUs that are given in shares, too
--   heartbeat    of the running machines, too
--   unclaimed    what nodes show of displays that are no known card, too
--   eem          "optional": also without ExpEther Manager, whose devices then are missing
--   drained      nodes that are drained, by name
--   costs        of devices, by id
--   known        answers that an earlier call gave, which are not asked again
---@param c Context
---@param options table?
---@return Situation
---@return table answers
function M.read(c, options)
  local answers = ask.everything(c, options or {}, devices.shown)
  local situation = M.build(c.parameters, answers, c.quarantine:active(),
    options and options.drained, c.quarantine:failures())
  for _, device in ipairs(situation.devices) do
    device.cost = device.cost + (options and options.costs and options.costs[device.id] or 0)
  end
  return situation, answers
end

return M
