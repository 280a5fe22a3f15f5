-- The `eem` native on the simulated world (lua/meta/eem.lua says what each verb promises).
local calls = require("lab.inprocess.calls")

local M = {}

local Eem = {}
Eem.__index = Eem

local function link_of(record)
  return record.kind == "io" and record.link or record.link
end

local function show(record)
  local bridge = record.bridge or record.functions and record.functions[1]
  local device = {
    id = record.id, kind = record.kind, group_id = record.group_id, type = record.type,
      power = record.power,
    model = record.model, serial = record.serial, mac = record.mac, reachable = record.reachable,
      enabled = true,
    free = record.group_id == (record.kind == "io" and 4093 or 4094), link = link_of(record),
    update_time = tostring(record.update_time), link_detail = {},
  }
  if record.kind == "io" then
    device.board = record.board
    if bridge and record.type == "40g" then
      device.vendor, device.device, device.class = bridge.vendor, bridge.device, bridge.class
    end
  else
    device.max_devices = record.max_devices
  end
  return device
end

local function call(self, verb, path, change, act)
  return calls.outside(self.world, {
    kind = "eem", target = "eem", change = change, actor = self.actor, info = { verb = verb,
      path = "/eem"
      .. path },
  }, act)
end

function Eem:version()
  return call(self, "GET", "/api_version", false, function()
    return self.world:eem():version()
  end)
end

function Eem:devices(filter)
  filter = filter or {}
  return call(self, "GET", "/devices/detail", false, function()
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
  return call(self, "GET", "/devices/" .. id, false, function()
    return show(self.world:eem():device(id))
  end)
end

function Eem:find_device(id)
  return call(self, "GET", "/devices/" .. id, false, function()
    local record = self.world:eem():find(id)
    return record and show(record) or nil
  end)
end

function Eem:connect(id, group_id)
  if self:device(id).group_id == group_id then
    return false
  end
  call(self, "PUT", "/devices/" .. id .. "/group_id", true, function()
    self.world:eem():set_group(id, group_id)
  end)
  return true
end

function Eem:disconnect(id)
  if self:device(id).free then
    return false
  end
  call(self, "DELETE", "/devices/" .. id .. "/group_id", true, function()
    self.world:eem():free(id)
  end)
  return true
end

function Eem:audit(id)
  call(self, "PUT", "/devices/" .. id .. "/audit", true, function()
    self.world:eem():audit(id)
  end)
end

function Eem:close() end

function M.open(world, actor)
  return setmetatable({ world = world, actor = actor }, Eem)
end

return M
