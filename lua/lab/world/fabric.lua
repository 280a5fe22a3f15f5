-- ExpEther as its manager (EEM) sees and steers it: server boards, slots of I/O boxes, group ids,
-- links. Rules and fields: docs/facts/ecx-eem.md#3.2 to #3.5. What happens in a node when a
-- slot is linked to its board is plug and play's business (pnp.lua).
local detail = require("lab.world.fabric_detail")
local errors = require("lab.world.errors")
local text = require("lab.world.text")

local lower = text.lower

local M = {}
M.__index = M
M.detail = detail

local FREE_IO, FREE_BOARD = 4093, 4094
local FIRST_GROUP, LAST_GROUP = 16, 4092
local VERSION = "v1.0.0"

function M.new(world)
  return setmetatable({
    world = world,
    boards = {},
    slots = {},
    by_id = {},
    forgotten = {}, -- entries that were deleted, by id
    up = true,
  }, M)
end

local mac = text.kept(function(id)
  return (id:gsub("^0x", ""):gsub("%x%x", "%0:", 5))
end)

-- Board of a node. Definition: { board = id, group_id =, max_devices =, type = }.
function M:add_board(node, definition)
  local board = {
    id = definition.board,
    mac = mac(definition.board),
    kind = "board",
    node = node.name,
    group_id = definition.group_id or FREE_BOARD,
    power = node.power and "on" or "off",
    reachable = node.power,
    enabled = true,
    link = node.power and "up" or "down",
    type = definition.type or "40g",
    model = definition.model or "EE Server Board (40G)",
    serial = definition.serial or "EESV" .. definition.board:sub(-4),
    max_devices = definition.max_devices or 16,
    ports = {},
    update_time = 0,
    led = "off",
  }
  self.boards[#self.boards + 1] = board
  self.by_id[board.id] = board
  return board
end

-- Slot of an I/O box with the card in it.
function M:add_slot(definition)
  local slot = {
    id = definition.id,
    mac = mac(definition.id),
    kind = "io",
    group_id = definition.group_id or FREE_IO,
    power = definition.power or "on",
    reachable = definition.reachable ~= false,
    enabled = true,
    link = "down",
    type = definition.type or "40g",
    model = definition.model or "EE I/O Expansion Unit (40G)-4S",
    serial = definition.serial or "EEIO" .. definition.id:sub(-4),
    box = definition.box,
    functions = definition.functions,
    bridge = definition.bridge,
    quarantined = definition.quarantined,
    own_port = definition.port,
    update_time = 0,
    led = "off",
    epoch = 0,
  }
  self.slots[#self.slots + 1] = slot
  self.by_id[slot.id] = slot
  return slot
end

-- Links as they are at the beginning, without any waiting.
function M:begin()
  for _, slot in ipairs(self.slots) do
    local board = self:wanted_board(slot)
    if board then
      slot.wanted = board
      self:attach(slot, board)
    end
  end
end

function M:version()
  return VERSION
end

function M:timestamp()
  return string.format("%d", self.world:milliseconds())
end

function M:devices()
  local list = table.move(self.boards, 1, #self.boards, 1, {})
  return table.move(self.slots, 1, #self.slots, #list + 1, list)
end

function M:find(id)
  return self.by_id[lower(id)]
end

function M:device(id)
  local device = self.by_id[lower(id)]
  if not device then
    errors.http(404, "40400", "device %s is not found", id)
  end
  return device
end

function M:board_of_group(group_id)
  for _, board in ipairs(self.boards) do
    if board.group_id == group_id then
      return board
    end
  end
  return nil
end

-- The board that a slot belongs to, as things are, or nil.
function M:wanted_board(slot)
  if slot.group_id == FREE_IO or slot.power ~= "on" or not slot.reachable then
    return nil
  end
  local board = self:board_of_group(slot.group_id)
  return board and board.power == "on" and board or nil
end

-- Port of a board for a slot: its own where the cluster's definition gives it one, else the one it
-- had, else the first that nobody had, else the first that is down.
local function port_for(board, slot)
  local own, spare = slot.own_port, nil
  if own then
    board.ports[own] = board.ports[own] or { number = own, device = slot.id, up = false }
    return board.ports[own]
  end
  for number = 1, board.max_devices do
    local port = board.ports[number]
    if not port then
      port = { number = number, device = slot.id, up = false }
      board.ports[number] = port
      return port
    elseif port.device == slot.id then
      return port
    elseif not port.up then
      spare = spare or port
    end
  end
  if spare then
    spare.device = slot.id
  end
  return spare
end

function M:reserve_port(board, slot)
  return port_for(board, slot)
end

function M:attach(slot, board)
  local port = port_for(board, slot)
  if not port then
    return
  end
  port.up = true
  slot.board = board.id
  slot.port = port.number
  slot.link = "up"
  self.world:node(board.node).pnp:linked(slot)
end

function M:detach(slot)
  local board = self.by_id[slot.board]
  slot.board = nil
  slot.link = "down"
  board.ports[slot.port].up = false
  self.world:node(board.node).pnp:unplug(slot)
end

local function link_due(self, slot, epoch)
  if epoch == slot.epoch and slot.wanted and not slot.board then
    self:attach(slot, slot.wanted)
  end
end

local function unlink_due(self, slot, epoch)
  if epoch == slot.epoch and slot.board then
    self:detach(slot)
    if slot.wanted then
      self.world.clock:after(self.world.latency.link, link_due, self, slot, epoch)
    end
  end
end

-- Sets off what a change of groups or power asks for.
function M:settle(slot)
  local wanted = self:wanted_board(slot)
  if wanted == slot.wanted then
    return
  end
  slot.wanted = wanted
  slot.epoch = slot.epoch + 1
  local clock, latency = self.world.clock, self.world.latency
  if slot.board then
    if not wanted or slot.board ~= wanted.id then
      clock:after(latency.unlink, unlink_due, self, slot, slot.epoch)
    end
  elseif wanted then
    clock:after(latency.link, link_due, self, slot, slot.epoch)
  end
end

function M:settle_all()
  for _, slot in ipairs(self.slots) do
    self:settle(slot)
  end
end

-- Power of an I/O box: its slots do not report without it. Gives those that changed.
function M:box_power(box, on)
  local changed = {}
  for _, slot in ipairs(self.slots) do
    if slot.box == box and (slot.power == "on") ~= on then
      slot.power, slot.reachable = on and "on" or "off", on
      slot.problem = on and slot.problem or nil
      changed[#changed + 1] = slot.id
    end
  end
  self:settle_all()
  return changed
end

-- Power of a server, hence of its board.
function M:board_power(board, on)
  board.power = on and "on" or "off"
  board.link = on and "up" or "down"
  board.reachable = on
  self:settle_all()
end

local function touch(self, device)
  device.update_time = self.world:milliseconds()
  return string.format("%d", device.update_time)
end

local function check_lock(self, device, update_time)
  if update_time and self.world.switches.update_time_lock then
    if tostring(update_time) ~= string.format("%d", device.update_time) then
      errors.http(500, "50003", "device %s has changed since", device.id)
    end
  end
end

local function free_group(self)
  for group_id = FIRST_GROUP, LAST_GROUP do
    if not self:board_of_group(group_id) then
      return group_id
    end
  end
  return nil
end

local function devices_in(self, group_id)
  local count = 0
  for _, slot in ipairs(self.slots) do
    if slot.group_id == group_id then
      count = count + 1
    end
  end
  return count
end

-- Whether a real EEM refuses a PUT on a slot that is in use is not known: switch put_in_use.
local function check_slot(self, slot, group_id)
  if not group_id then
    errors.http(400, "40000", "group_id is required for an I/O device")
  end
  local board = self:board_of_group(group_id)
  if not board then
    errors.http(400, "40000", "no server board has group id %d", group_id)
  end
  if slot.group_id ~= FREE_IO and self.world.switches.put_in_use == "refuse" then
    errors.http(400, "40004", "device %s is in group %d", slot.id, slot.group_id)
  end
  if slot.group_id ~= group_id and devices_in(self, group_id) >= board.max_devices then
    errors.http(400, "40004", "server board %s has no free port", board.id)
  end
end

function M:set_group(id, group_id, update_time)
  local device = self:device(id)
  if group_id and (group_id < FIRST_GROUP or group_id > LAST_GROUP) then
    errors.http(400, "40000", "group id %d is not between %d and %d", group_id, FIRST_GROUP,
      LAST_GROUP)
  end
  check_lock(self, device, update_time)
  if device.kind == "io" then
    check_slot(self, device, group_id)
  else
    local other = group_id and self:board_of_group(group_id)
    if other and other ~= device then
      errors.http(400, "40004", "server board %s has group id %d", other.id, group_id)
    end
    group_id = group_id or free_group(self)
  end
  if self.world.faults:lies() then
    return { group_id = string.format("%d", group_id), update_time = self:timestamp() }
  end
  self:regroup(device, group_id)
  return { group_id = string.format("%d", group_id), update_time = touch(self, device) }
end

-- Changes a group id without asking (also an administrator's second writer).
function M:regroup(device, group_id)
  if device.group_id ~= group_id then
    self.world:log("eem", "set group", device.id, group_id)
    device.group_id = group_id
    if device.kind == "io" then
      self:settle(device)
    else
      self:settle_all()
    end
    self.world.invariants:check_devices()
  end
end

function M:free(id, update_time)
  local device = self:device(id)
  local pool = device.kind == "io" and FREE_IO or FREE_BOARD
  check_lock(self, device, update_time)
  if device.group_id == pool then
    errors.http(400, "40011", "device %s has no group id", id)
  end
  if self.world.faults:lies() then
    return { update_time = self:timestamp() }
  end
  self:regroup(device, pool)
  return { update_time = touch(self, device) }
end

-- Reads the hardware again: the world's view is never stale, so only the time changes.
function M:audit(id)
  return { update_time = touch(self, self:device(id)) }
end

function M:set_led(id, status)
  self:device(id).led = status
  return {}
end

-- PERST resets the card: a running virtual machine that uses it loses it for good.
function M:reset(id)
  local device = self:device(id)
  if device.kind == "io" and device.board and not self.world.faults:lies() then
    self.world:log("eem", "reset", id)
    local pnp = self.world:node(self.by_id[device.board].node).pnp
    pnp:unplug(device)
    pnp:linked(device)
  end
  return {}
end

local function forget(list, device)
  for i, other in ipairs(list) do
    if other == device then
      table.remove(list, i)
      return
    end
  end
end

-- A device that EEM had forgotten reports again.
function M:come_back(device)
  if not self.by_id[device.id] and device.reachable then
    self.by_id[device.id] = device
    local list = device.kind == "io" and self.slots or self.boards
    list[#list + 1] = device
    self:settle_all()
  end
end

-- Deletes EEM's entry of a device that does not report any more, or of any when forced; who reports
-- comes back by itself.
function M:remove(id, force)
  local device = self:device(id)
  if device.reachable and not force then
    errors.http(400, "40011", "device %s is notifying", id)
  end
  if self.world.faults:lies() then
    return {}
  end
  self.world:log("eem", "remove", id)
  self.by_id[device.id] = nil
  self.forgotten[device.id] = device
  forget(device.kind == "io" and self.slots or self.boards, device)
  if device.reachable then
    self.world.clock:after(self.world.latency.link, M.come_back, self, device)
  end
  return {}
end

return M
