-- The cards of the I/O boxes: one record for each that ExpEther Manager shows, that parameters.lua
-- declares or that a virtual machine asks for by id. What a card is: parameters.lua says it, else
-- the manager, where it shows the card itself, else a node (bind.lua).
local M = {}

local BRIDGE = "^06" -- the class of a card behind its own PCIe switch: it says nothing of the card
local NOTHING = { ["0000"] = true, ["ffff"] = true } -- vendor ids of an empty slot

local UNITS = { B = 1, KiB = 2 ^ 10, MiB = 2 ^ 20, GiB = 2 ^ 30, TiB = 2 ^ 40 }

-- Bytes of "16GiB"; nil of nothing.
---@return integer?
function M.bytes(size)
  if type(size) ~= "string" then
    return size and math.tointeger(size)
  end
  local number, unit = size:match("^%s*(%d+%.?%d*)%s*(%a+)%s*$")
  return UNITS[unit] and math.tointeger(tonumber(number) * UNITS[unit]) or nil
end

-- What ExpEther Manager shows of the card itself: vendor and device, nil where it cannot. Those
-- words are to be trusted for type 40g only (docs/facts/ecx-eem.md#3.3).
---@param device EemDevice
---@return string? vendor, string? device
function M.shown(device)
  local told = device.kind == "io" and device.type ~= "10g" and device.vendor and device.device
    and not NOTHING[device.vendor] and not (device.class or ""):find(BRIDGE)
  if told then
    return device.vendor, device.device
  end
end

local function new(id, entry)
  return {
    id = id, kind = "card", name = entry.name, box = entry.box, model = entry.model,
    title = entry.name and entry.name .. " (" .. id .. ")" or id, labels = entry.labels or {},
    locations = entry.locations or {}, memory = M.bytes(entry.memory), serial = entry.serial,
    bridge = false, link = "unknown", vm_running = false, cost = 0,
  }
end

-- Vendor and device, and who says so.
local function identify(card, entry, device, complain)
  local vendor, model = nil, nil
  if device then
    vendor, model = M.shown(device)
  end
  card.vendor, card.device = entry.vendor or vendor, entry.device or model
  card.identity = "unknown"
  if entry.vendor and entry.device then
    card.identity = "declared"
  elseif card.vendor and card.device then
    card.identity = "eem"
  end
  card.class = entry.class or (vendor and device.class) or nil
  local differs = vendor and card.identity == "declared"
    and (vendor ~= card.vendor or model ~= card.device)
  if differs then
    complain("%s is declared as %s:%s, but ExpEther Manager shows %s:%s", card.title, card.vendor,
      card.device, vendor, model)
  end
end

local function from_eem(card, device)
  card.group_id, card.free = device.group_id, device.free
  card.link, card.power, card.reachable = device.link or "unknown", device.power, device.reachable
  card.board = device.board
  card.bridge = device.type ~= "10g" and (device.class or ""):find(BRIDGE) ~= nil
  card.slot = {
    model = device.model, serial = device.serial, type = device.type, vendor = device.vendor,
    device = device.device,
  }
  card.empty = device.link_detail and device.link_detail.pcie == "down" and device.power ~= "off"
    and (not device.vendor or NOTHING[device.vendor]) or nil
end

-- One card as ExpEther Manager shows it, and as it is declared. What it is, not what it does.
---@param parameters table
---@param device EemDevice of kind "io"
function M.single(parameters, device)
  local entry = (parameters.devices or {})[device.id] or {}
  local card = new(device.id, entry)
  identify(card, entry, device, function() end)
  from_eem(card, device)
  return card
end

-- Ids that virtual machines ask for.
local function asked_for(parameters)
  local ids = {}
  for key, vm in pairs(parameters.vms) do
    for _, request in ipairs(vm.gpus) do
      local list = request.alternatives or { request }
      for _, criteria in ipairs(list) do
        if criteria.id then
          ids[criteria.id] = ids[criteria.id] and ids[criteria.id] < key and ids[criteria.id] or key
        end
      end
    end
  end
  return ids
end

-- The cards, sorted by id, and by id; and the boards by group. `eem` is nil where the manager could
-- not be asked.
function M.collect(parameters, eem, complain)
  local by_id, boards, list = {}, {}, {}
  local declared = parameters.devices or {}
  local function add(id, device)
    local entry = declared[id] or {}
    local card = new(id, entry)
    card.declared = declared[id] ~= nil
    identify(card, entry, device, complain)
    if device then
      from_eem(card, device)
    end
    by_id[id], list[#list + 1] = card, card
    return card
  end
  for _, device in ipairs(eem or {}) do
    if device.kind == "io" then
      add(device.id, device)
    elseif device.kind == "board" then
      if device.group_id then
        boards[device.group_id] = boards[device.group_id] or {}
        table.insert(boards[device.group_id], device)
      end
      boards[device.id] = device
    end
  end
  local function absent(id, who)
    if not by_id[id] then
      local card = add(id)
      card.absent = not eem and "ExpEther Manager could not be asked"
        or boards[id] and "it is a server board, not a slot of an I/O box"
        or who .. ", but ExpEther Manager does not show it"
    end
  end
  for id in pairs(declared) do
    absent(id, "it is declared in parameters.lua")
  end
  for id, key in pairs(asked_for(parameters)) do
    absent(id, key .. " asks for it")
  end
  table.sort(list, function(a, b)
    return a.id < b.id
  end)
  return list, by_id, boards
end

---- in which state each of them is ----------------------------------------------------------------

local function group_words(card)
  if not card.group_id then
    return "ExpEther Manager tells no group of it"
  end
  return ("it is in group %d, which belongs to no node in parameters.lua"):format(card.group_id)
end

-- What ExpEther Manager says is wrong with it, or nil. Only a card in a node's group has a link.
local function trouble(card)
  if card.power == "off" then
    return "its slot has no power"
  elseif card.reachable == false then
    return "ExpEther Manager does not hear of it"
  elseif card.link == "down" and card.node then
    return "its link is down"
  end
end

local function held_words(card, node)
  if card.shared_with then
    return ("it is given in shares on %s: %s"):format(card.on,
      table.concat(card.shared_with, ", "))
  elseif card.vm and not card.users then
    return ("%s on %s %s"):format(card.vm, card.on,
      card.vm_running and "uses it" or "has it, and does not run")
  elseif card.doubt then
    return ("nothing tells whether %s on %s has it"):format(table.concat(card.users, " or "),
      card.on)
  elseif card.users then
    return ("%s on %s: nothing tells which of %s has which; give locations in parameters.lua")
      :format(table.concat(card.users, ", "), card.on, card.alike)
  elseif card.on ~= card.node then
    return ("it is in the group of %s, but still linked to the board of %s"):format(card.node,
      card.on)
  elseif node.untold then
    return ("nothing tells who uses it on %s: %s"):format(card.node, node.untold)
  elseif not node.asked then
    return card.node .. " was not asked"
  elseif not node.reachable then
    return ("%s does not answer, so that nobody tells who uses it"):format(card.node)
  elseif trouble(card) then
    return ("it is in the group of %s, but %s"):format(card.node, trouble(card))
  elseif card.unseen then
    return ("%s does not show a card %s:%s"):format(card.node, card.vendor, card.device)
  end
  return "no virtual machine on " .. card.node .. " has it"
end

-- Whether a held card is used: nobody tells where its server does not answer.
local function use_of(card, node)
  if node.untold and not card.vm_running then
    return "unknown"
  elseif card.vm_running then
    return card.users and "unknown" or "used"
  end
  return node.reachable and card.on == card.node and "idle" or "unknown"
end

-- Puts one card in exactly one state, and says why.
function M.settle(card, node, quarantined)
  card.quarantine = quarantined
  if card.absent then
    card.state, card.why = "missing", card.absent
  elseif card.free then
    card.state = "free"
    card.why = (card.vm or card.users) and "it is free, but " .. held_words(card)
      or trouble(card) or card.empty and "ExpEther Manager shows no card in it"
      or card.link == "up" and "it is free, but its link is still up" or nil
  elseif node then
    card.state, card.why, card.use = "held", held_words(card, node), use_of(card, node)
    if node.untold and not card.vm_running then
      card.vm_running, card.vm = true, nil -- nobody takes what somebody may be using
    end
  else
    card.state, card.why = "foreign", group_words(card)
  end
  local offered = card.state == "free" or card.state == "held" and not card.vm_running
  if quarantined and offered then
    card.state = "quarantined"
    card.why = require("failover.devices.quarantine").describe(quarantined)
  end
end

-- Working fields that are nobody else's business.
function M.finish(card)
  for _, name in ipairs({ "absent", "free", "among", "fn", "alike", "empty", "unseen", "on",
    "doubt" }) do
    card[name] = nil
  end
end

return M
