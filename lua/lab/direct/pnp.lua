-- The `pnp` native on the simulated world (lua/meta/pnp.lua says what each verb promises).
local calls = require("lab.direct.calls")
local failure = require("failure")
local failures = require("lab.direct.hyperv_failures")

local M = {}

local RESCAN = "pnputil.exe /scan-devices"
local CLASS = "Win32_PnPEntity"

local Pnp = {}
Pnp.__index = Pnp

local function tree(self)
  local world = self.world
  local real = (world.poses and world:at(self.node) or self.place).pnp
  return world.sight and world.sight:pnp(real) or real
end

-- `method`: of a change; nil for a look. Does act(a, b).
local function call(self, class, method, about, act, a, b)
  return calls.outside(self.world, {
    kind = "wmi", target = self.node, change = method ~= nil, actor = self.actor, about = about,
    verb = method and "Invoke" or "Enumerate", class = class, method = method,
    namespace = "root/cimv2",
  }, act, a, b)
end

local function status_of(record)
  if not record.present then
    return "absent"
  end
  return record.problem == 0 and "ok" or record.problem == 22 and "disabled" or "error"
end

-- Texts compare without case, also what is not there with nothing.
local function fits(is, wanted)
  return not wanted or is == wanted or is ~= nil and is:lower() == wanted:lower()
end

local function at(locations, wanted)
  for _, location in ipairs(locations) do
    if fits(location, wanted) then
      return true
    end
  end
  return not wanted
end

local function passes(record, filter)
  return (filter.absent or record.present)
    and fits(record.vendor, filter.vendor) and fits(record.device, filter.device)
    and fits(record.class, filter.class) and fits(record.manufacturer, filter.manufacturer)
    and fits(record.id, filter.id)
end

-- Only what is there has locations; they are asked for where a filter needs them.
local function locations_of(self, record, filter)
  local asked = filter.locations ~= false or filter.location
  return asked and record.present and tree(self):location_paths(record.id) or {}
end

local function show(record, locations)
  return {
    id = record.id, name = record.name, class = record.class, manufacturer = record.manufacturer,
    vendor = record.vendor, device = record.device, subclass = record.subclass,
    location = locations[1], locations = locations, status = status_of(record),
    problem = record.problem, dismounted = record.dismounted or false,
  }
end

local function devices(self, filter)
  local list = {}
  for _, record in ipairs(tree(self):devices(filter.vendor)) do
    if record.id:find("^PCIP?\\") and passes(record, filter) then
      local locations = locations_of(self, record, filter)
      if at(locations, filter.location) then
        list[#list + 1] = show(record, locations)
      end
    end
  end
  return list
end

function Pnp:devices(filter)
  return call(self, CLASS, nil, nil, devices, self, filter or {})
end

local function not_found(id, why)
  calls.raise("PNP_NOT_FOUND", "the device " .. id .. " is not " .. why, { target = id })
end

-- Faults of the method itself are plug and play's; one that passes is no verdict.
local function explained(failed, id)
  if failure.is(failed) then
    local code = failed.code == "WMI_NOT_FOUND" and "PNP_NOT_FOUND"
      or (failed.code == "WMI_FAULT" or failed.code == "WMI_BAD_PARAMETER")
        and not failed.transient and "PNP_FAILED"
    failed = code and failures.as(failed, code) or failed
    failed.target = id
  end
  return failed
end

local function switch(self, id, method)
  local now = call(self, CLASS, nil, nil, function()
    local record = tree(self):find(id)
    if not record then
      not_found(id, "known on this host")
    elseif not record.present then
      not_found(id, "there")
    end
    return status_of(record)
  end)
  if (now == "disabled") == (method == "Disable") then
    return false, false
  end
  local ok, code, reboot = pcall(call, self, CLASS, method, nil, function()
    return tree(self)[method:lower()](tree(self), id)
  end)
  if not ok then
    error(explained(code, id), 0)
  elseif code ~= 0 then
    calls.raise("PNP_FAILED", method .. " returned " .. tostring(code),
      { target = id, hresult = code })
  end
  return true, reboot or false
end

function Pnp:disable(id)
  return switch(self, id, "Disable")
end

function Pnp:enable(id)
  return switch(self, id, "Enable")
end

function Pnp:rescan()
  local code = call(self, "Win32_Process", "Create", RESCAN, function()
    return tree(self):rescan()
  end)
  if code ~= 0 then
    calls.raise("PNP_FAILED", "Create returned " .. tostring(code),
      { target = RESCAN, hresult = code })
  end
end

function Pnp:close() end

function M.open(world, node, actor)
  return setmetatable({
    world = world, node = node, place = world:node(node), actor = actor,
  }, Pnp)
end

return M
