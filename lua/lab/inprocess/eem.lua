-- The `eem` native on the simulated world (lua/meta/eem.lua says what each verb promises).
local calls = require("lab.inprocess.calls")
local lower = require("lab.world.text").lower

local M = {}

local Eem = {}
Eem.__index = Eem

local FREE_IO, FREE_BOARD = 4093, 4094
local NOTHING = { vendor = "0000", device = "0000", class = "000000" } -- of an empty or a 10G slot

local function up(yes)
  return yes and "up" or "down"
end

-- As lab/world/fabric_detail.lua shows it, read as natives/eem_device_lua.c reads it.
local function show_slot(device, record)
  local card = record.bridge or record.functions and record.functions[1]
  local linked = up(record.board ~= nil)
  local pcie = up(card ~= nil and record.power == "on")
  device.link_detail = { board_connection = linked, board = linked, path = linked, pcie = pcie }
  device.link = up(linked == "up" and pcie == "up")
  device.board = record.board
  local shown = card and record.type ~= "10g" and card or NOTHING
  device.vendor, device.device, device.class = shown.vendor, shown.device, shown.class
end

local function show_board(device, record)
  device.link = up(record.reachable)
  device.link_detail = { link = device.link }
  device.max_devices = record.max_devices
  device.ports = {}
  for number = 1, record.max_devices do
    local port = record.ports[number]
    device.ports[number] = {
      port = number, up = port ~= nil and port.up or false, device = port and port.device,
    }
  end
end

local function show(record)
  local io = record.kind == "io"
  local device = {
    id = record.id, kind = record.kind, group_id = record.group_id, type = record.type,
    power = record.power, model = record.model, serial = record.serial, mac = record.mac,
    reachable = record.reachable or false, enabled = record.enabled or false,
    free = record.group_id == (io and FREE_IO or FREE_BOARD),
    update_time = tostring(record.update_time),
  }
  if io then
    show_slot(device, record)
  else
    show_board(device, record)
  end
  return device
end

local function call(self, verb, path, id, act)
  return calls.outside(self.world, {
    kind = "eem", target = "eem", change = verb ~= "GET", actor = self.actor, about = id,
    verb = verb, path = "/eem" .. path,
  }, act)
end

function Eem:version()
  return call(self, "GET", "/api_version", nil, function()
    return self.world:eem():version()
  end)
end

function Eem:devices(filter)
  filter = filter or {}
  local path = filter.detail == false and "/devices" or "/devices/detail"
  return call(self, "GET", path, nil, function()
    local list = {}
    for _, record in ipairs(self.world:eem():devices()) do
      local wanted = (not filter.status or record.kind == filter.status)
        and (not filter.group_id or record.group_id == filter.group_id)
      if wanted then
        list[#list + 1] = filter.detail == false and { id = record.id } or show(record)
      end
    end
    return list
  end)
end

function Eem:device(id)
  id = lower(id)
  return call(self, "GET", "/devices/" .. id, id, function()
    return show(self.world:eem():device(id))
  end)
end

-- Nil only where it is EEM itself that does not know the id.
function Eem:find_device(id)
  local ok, device = pcall(self.device, self, id)
  if ok then
    return device
  elseif device.code == "EEM_NOT_FOUND" and device.message ~= calls.GARBLED then
    return nil
  end
  error(device, 0)
end

function Eem:connect(id, group_id)
  local now = self:device(id)
  if group_id and now.group_id == group_id or not group_id and not now.free then
    return false
  elseif not group_id and now.kind ~= "board" then
    calls.raise("EEM_REFUSED", "ExpEther Manager chooses a group for server boards only",
      { target = now.id })
  end
  id = now.id
  call(self, "PUT", "/devices/" .. id .. "/group_id", id, function()
    self.world:eem():set_group(id, group_id)
  end)
  return true
end

function Eem:disconnect(id)
  local now = self:device(id)
  if now.free then
    return false
  end
  id = now.id
  call(self, "DELETE", "/devices/" .. id .. "/group_id", id, function()
    self.world:eem():free(id)
  end)
  return true
end

function Eem:audit(id)
  id = lower(id)
  call(self, "PUT", "/devices/" .. id .. "/audit", id, function()
    self.world:eem():audit(id)
  end)
end

function Eem:close() end

function M.open(world, actor)
  return setmetatable({ world = world, actor = actor }, Eem)
end

return M
