-- The `eem` native on the simulated world (lua/meta/eem.lua says what each verb promises).
local calls = require("lab.direct.calls")
local kept = require("lab.world.text").kept
local lower = require("lab.world.text").lower

local M = {}

local Eem = {}
Eem.__index = Eem

local FREE_IO, FREE_BOARD = 4093, 4094
local NOTHING = { vendor = "0000", device = "0000", class = "000000" } -- of an empty or a 10G slot

local function up(yes)
  return yes and "up" or "down"
end

-- As lab/world/fabric_detail.lua shows it, read as natives/eem/eem_device_lua.c reads it.
local function show_slot(record)
  local card = record.bridge or record.functions and record.functions[1]
  local linked = up(record.board ~= nil)
  local pcie = up(card ~= nil and record.power == "on")
  local shown = card and record.type ~= "10g" and card or NOTHING
  return {
    id = record.id, kind = "io", group_id = record.group_id, type = record.type,
    power = record.power, model = record.model, serial = record.serial, mac = record.mac,
    reachable = record.reachable or false, enabled = record.enabled or false,
    free = record.group_id == FREE_IO, update_time = tostring(record.update_time),
    link = up(linked == "up" and pcie == "up"), board = record.board,
    link_detail = { board_connection = linked, board = linked, path = linked, pcie = pcie },
    vendor = shown.vendor, device = shown.device, class = shown.class,
  }
end

-- Most ports are empty; all answers may have the same ones.
local empty_port = kept(function(number)
  return { port = number, up = false }
end)

local function show_board(record)
  local link, ports = up(record.reachable), {}
  for number = 1, record.max_devices do
    local port = record.ports[number]
    ports[number] = port and { port = number, up = port.up or false, device = port.device }
      or empty_port(number)
  end
  return {
    id = record.id, kind = record.kind, group_id = record.group_id, type = record.type,
    power = record.shown_power or record.power, model = record.model, serial = record.serial,
    mac = record.mac,
    reachable = record.reachable or false, enabled = record.enabled or false,
    free = record.group_id == FREE_BOARD, update_time = tostring(record.update_time),
    link = link, link_detail = { link = link }, max_devices = record.max_devices, ports = ports,
  }
end

local function show(record)
  return (record.kind == "io" and show_slot or show_board)(record)
end

local function call_of(self, verb, path, id)
  return {
    kind = "eem", target = "eem", change = verb ~= "GET", actor = self.actor, about = id,
    verb = verb, path = "/eem" .. path,
  }
end

local function call(self, verb, path, id, act)
  return calls.outside(self.world, call_of(self, verb, path, id), act)
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

local function device_of(self, id)
  return show(self.world:eem():device(id))
end

function Eem:device(id)
  id = lower(id)
  local known = self.looks[id] -- all looks at one device are alike
  if not known then
    known = call_of(self, "GET", "/devices/" .. id, id)
    self.looks[id] = known
  end
  return calls.outside(self.world, known, device_of, self, id)
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
  return setmetatable({ world = world, actor = actor, looks = {} }, Eem)
end

return M
