-- The `pnp` native on the simulated world (lua/meta/pnp.lua says what each verb promises).
local calls = require("lab.inprocess.calls")

local M = {}

local Pnp = {}
Pnp.__index = Pnp

local function tree(self)
  return self.world:node(self.node).pnp
end

local function call(self, change, info, act)
  info.namespace, info.class = "root/cimv2", info.class or "Win32_PnPEntity"
  return calls.outside(self.world, {
    kind = "wmi", target = self.node, change = change, actor = self.actor, info = info,
  }, act)
end

local function status_of(record)
  if not record.present then
    return "absent"
  end
  return record.problem == 0 and "ok" or record.problem == 22 and "disabled" or "error"
end

local function wanted(record, filter)
  return (filter.absent or record.present)
    and (not filter.vendor or record.vendor == filter.vendor)
    and (not filter.device or record.device == filter.device)
    and (not filter.class or record.class == filter.class)
    and (not filter.manufacturer or record.manufacturer == filter.manufacturer)
    and (not filter.location or record.location == filter.location)
    and (not filter.id or record.id == filter.id)
end

function Pnp:devices(filter)
  filter = filter or {}
  return call(self, false, { verb = "Enumerate" }, function()
    local list = {}
    for _, record in ipairs(tree(self):devices()) do
      local enumerator = record.id:match("^[^\\]+")
      if (enumerator == "PCI" or enumerator == "PCIP") and wanted(record, filter) then
        list[#list + 1] = {
          id = record.id, name = record.name, class = record.class,
            manufacturer = record.manufacturer,
          vendor = record.vendor, device = record.device, subclass = record.subclass,
          location = record.location, locations = { record.location }, status = status_of(record),
          problem = record.problem, dismounted = record.dismounted or false,
        }
      end
    end
    return list
  end)
end

local function switch(self, id, method, already)
  local now = call(self, false, { verb = "Get" }, function()
    local record = tree(self):find(id)
    if not record then
      calls.raise("PNP_NOT_FOUND", "there is no device " .. id .. " on " .. self.node)
    end
    return status_of(record)
  end)
  if now == already then
    return false, false
  end
  local code, reboot = call(self, true, { verb = "Invoke", method = method }, function()
    return tree(self)[method:lower()](tree(self), id)
  end)
  if code ~= 0 then
    calls.raise("PNP_FAILED", method .. " of " .. id .. " returned " .. tostring(code))
  end
  return true, reboot or false
end

function Pnp:disable(id)
  return switch(self, id, "Disable", "disabled")
end

function Pnp:enable(id)
  return switch(self, id, "Enable", "ok")
end

function Pnp:rescan()
  call(self, true, { verb = "Invoke", class = "Win32_Process", method = "Create" }, function()
    tree(self):rescan()
  end)
end

function Pnp:close() end

function M.open(world, node, actor)
  return setmetatable({ world = world, node = node, actor = actor }, Pnp)
end

return M
