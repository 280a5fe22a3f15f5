-- Discrete device assignment, and the other things inside a virtual machine: disks, adapters,
-- memory. Sources: docs/facts/hyperv-wmi.md#2 and the pitfalls of section 5.
local errors = require("lab.world.errors")
local jobs = require("lab.world.jobs")

local methods = {}

local TURN_OFF = 2 -- AutomaticShutdownAction
local OFF = 3
local FAILED, INVALID_PARAMETER, IN_USE, INVALID_STATE = 32768, 32773, 32774, 32775

-- Devices of the host that can be assigned, then second records for those that a virtual machine
-- has.
function methods:assignable()
  local list = {}
  for _, entry in ipairs(self.node.pnp.entries) do
    if entry.listed then
      list[#list + 1] = {
        id = "Microsoft:" .. self.node.guid .. "\\" .. entry.dismounted_id,
        instance = entry.dismounted_id,
        location = entry.location,
        vendor = entry.fn.vendor,
        device = entry.fn.device,
        function_number = entry.index,
      }
    end
  end
  for i = 1, #list do
    for _, vm in ipairs(self.list) do
      for _, assigned in ipairs(vm.config.assignments) do
        if assigned.host == self.node.name and assigned.instance == list[i].instance then
          local second = {}
          for name, value in next, list[i] do
            second[name] = value
          end
          second.id, second.vm = assigned.id, vm.id
          list[#list + 1] = second
        end
      end
    end
  end
  return list
end

-- Whether the device of an assignment is there.
function methods:assignment_present(assigned)
  local entry = self.node.pnp:entry(assigned.instance)
  return assigned.host == self.node.name
    and entry ~= nil
    and entry.present
    and entry.dismounted
    and entry.location == assigned.location
end

function methods:assignments(vm)
  local list = {}
  for i, assigned in ipairs(self:shown(vm.config.assignments)) do
    list[i] = {
      id = assigned.id,
      instance = assigned.instance,
      location = assigned.location,
      host = assigned.host,
      present = self:assignment_present(assigned),
    }
  end
  return list
end

local function holder(self, entry)
  for _, vm in ipairs(self.list) do
    for _, assigned in ipairs(vm.config.assignments) do
      if assigned.host == self.node.name and assigned.instance == entry.dismounted_id then
        return vm
      end
    end
  end
  return nil
end

-- The present function that an instance id or a location means; nil when they disagree.
local function function_of(self, instance, location)
  local pnp = self.node.pnp
  local entry
  if instance and instance ~= "" then
    entry = pnp:entry(instance)
  elseif location and location ~= "" then
    entry = pnp:at(location)
  end
  if entry and location and location ~= "" and entry.location:upper() ~= location:upper() then
    return nil
  end
  return entry and entry.present and entry or nil
end

local function refuse(code, hresult, format, ...)
  local text = format:format(...)
  return nil, { code = code, hresult = hresult, text = string.format("%s (0x%08X)", text, hresult) }
end

local function list_due(entry)
  entry.listed = entry.present and entry.dismounted
end

local function out_path(self, path)
  return self.world.switches.device_paths_out == "empty" and "" or path
end

jobs.kind("dismount", {
  type = 260,
  work = function(self, settings)
    local entry = function_of(self, settings.instance, settings.location)
    if not entry or entry.dismounted then
      return refuse(FAILED, 0x80070490,
        "the device cannot be found on this host: element not found")
    end
    if not self.node.os_pci_control then
      return refuse(FAILED, 0x80070032,
        "the current configuration does not allow for OS control of the PCI Express bus")
    end
    if entry.fn.class:sub(1, 2) == "06" then
      return refuse(FAILED, 0x80070032, "the device %s cannot be assigned", entry.id)
    end
    if entry.fn.needs_force
      and (settings.require_acs ~= false or settings.require_mitigations ~= false) then
      return refuse(FAILED, 0x80070032,
        "the manufacturer of the device has not supplied any directives for securing "
        .. "this device while exposing it to a virtual machine")
    end
    if not entry.disabled then
      return refuse(FAILED, 0x80070020,
        "the device %s is in use by the host: its driver is enabled", entry.id)
    end
    entry.dismounted = true
    self.world:log(self.node.name, "dismount", entry.id)
    self.world.clock:after(self.world.latency.list_lag, list_due, entry)
    return { instance = out_path(self, entry.dismounted_id) }
  end,
})

-- DismountAssignableDevice: the driver must be disabled.
function methods:dismount(settings)
  return jobs.start(self, "dismount", settings)
end

jobs.kind("mount", {
  type = 260,
  work = function(self, settings)
    local entry = function_of(self, settings.instance, settings.location)
    if not entry or not entry.dismounted then
      return refuse(FAILED, 0x80070490,
        "the device is not among the assignable devices: element not found")
    end
    if holder(self, entry) then
      return refuse(IN_USE, 0x80070020, "the device is assigned to a virtual machine")
    end
    entry.dismounted = false
    entry.disabled = true
    if self.world.latency.removal_lag > 0 then
      self.world.clock:after(self.world.latency.removal_lag, list_due, entry)
    else
      entry.listed = false
    end
    self.node.pnp.disabled[entry.id] = true
    self.world:log(self.node.name, "mount", entry.id)
    return { instance = out_path(self, entry.id) }
  end,
})

-- MountAssignableDevice: the device comes back disabled.
function methods:mount(settings)
  return jobs.start(self, "mount", settings)
end

jobs.kind("assign", {
  work = function(self, vm, settings)
    if vm.state ~= OFF then
      return nil, { code = INVALID_STATE, text = "the virtual machine must be off" }
    end
    if vm.config.stop_action ~= TURN_OFF then
      return refuse(FAILED, 0x80070032,
        "'%s': the automatic stop action must be 'turn off' for an assigned device",
        vm.config.name)
    end
    local entry = function_of(self, settings.instance, settings.location)
    if not entry or not entry.dismounted then
      return refuse(FAILED, 0x80070490,
        "the device is not among the assignable devices: element not found")
    end
    local other = holder(self, entry)
    if other then
      return refuse(IN_USE, 0x80070020, "the device is assigned to '%s'", other.config.name)
    end
    local assigned = {
      id = "Microsoft:" .. vm.id .. "\\" .. self.world:new_guid(),
      instance = entry.dismounted_id,
      location = entry.location,
      host = self.node.name,
    }
    table.insert(vm.config.assignments, assigned)
    self.world:log(self.node.name, "assign", vm.id, entry.location)
    self:settings_written(vm)
    return { assigned.id, affected = { kind = "vm", id = vm.id } }
  end,
})

-- AddResourceSettings, of devices to assign.
function methods:add_resource(id, settings)
  local vm = self:need(id)
  if settings.kind ~= "pci" or not (settings.instance or settings.location) then
    return INVALID_PARAMETER, nil, "only assignable devices can be added"
  end
  if vm.critical or vm.state ~= OFF then
    return INVALID_STATE, nil, "the virtual machine must be off"
  end
  return jobs.start(self, "assign", vm, settings)
end

local LISTS = { "assignments", "partitions", "disks", "adapters" }

-- Finds a setting by its instance id: virtual machine, list, index.
function methods:find_resource(setting_id)
  local vm_id = setting_id:match("^[Mm]icrosoft:(%x+%-%x+%-%x+%-%x+%-%x+)")
  local vm = vm_id and self:any(vm_id)
  if not vm then
    return nil
  end
  for _, name in ipairs(LISTS) do
    for i, item in ipairs(vm.config[name]) do
      if item.id:lower() == setting_id:lower() then
        return vm, name, i
      end
    end
  end
  local tail = setting_id:match("[^\\]+$"):lower()
  if tail == "memory" or tail == "processor" then
    return vm, tail, 0
  end
  return nil
end

jobs.kind("remove", {
  work = function(self, vm, setting_id)
    local found, name, i = self:find_resource(setting_id)
    if found ~= vm then
      return nil, { code = FAILED, text = "the setting is gone" }
    end
    local item = table.remove(vm.config[name], i)
    self:linger(vm.config[name], item)
    local verb = name == "assignments" and "unassign"
      or name == "partitions" and "remove partition" or "remove " .. name
    if not vm.planned then
      self:settings_written(vm)
    end
    self.world:log(self.node.name, verb, vm.id,
      item.location or item.path or item.switch or item.gpu)
    return { affected = { kind = vm.planned and "planned" or "vm", id = vm.id } }
  end,
})

-- RemoveResourceSettings; also of an assignment whose device is gone.
function methods:remove_resource(setting_id)
  local vm, name = self:find_resource(setting_id)
  if not vm or name == "memory" or name == "processor" then
    errors.wmi(errors.NOT_FOUND, "there is no setting %s", setting_id)
  end
  if vm.critical or (vm.state ~= OFF and not vm.planned) then
    return INVALID_STATE, nil, "the virtual machine must be off"
  end
  return jobs.start(self, "remove", vm, setting_id)
end

local function modify_disk(disk, changes)
  if changes.path then
    disk.path = changes.path
    return disk.path
  end
end

local function modify_adapter(adapter, changes)
  if changes.connected ~= nil then
    adapter.connected = changes.connected
  end
  adapter.switch = changes.switch or adapter.switch
  return adapter.connected and adapter.switch or "disconnected"
end

jobs.kind("modify resource", {
  latency = "modify",
  work = function(self, vm, setting_id, changes)
    local found, name, i = self:find_resource(setting_id)
    if found ~= vm then
      return nil, { code = FAILED, text = "the setting is gone" }
    end
    local config, what = vm.config, name
    if name == "disks" then
      what = modify_disk(config.disks[i], changes)
    elseif name == "adapters" then
      what = modify_adapter(config.adapters[i], changes)
    elseif name == "memory" then
      config.memory = changes.size or config.memory
      if changes.dynamic ~= nil then
        config.dynamic_memory = changes.dynamic
      end
    elseif name == "processor" then
      config.processors = changes.count or config.processors
    end
    self.world:log(self.node.name, "modify resource", vm.id, what)
    if not vm.planned then
      self:settings_written(vm)
    end
    return { setting_id, affected = { kind = vm.planned and "planned" or "vm", id = vm.id } }
  end,
})

-- ModifyResourceSettings: path of a disk, connection of an adapter, memory, processors.
function methods:modify_resource(setting_id, changes)
  local vm = self:find_resource(setting_id)
  if not vm then
    errors.wmi(errors.NOT_FOUND, "there is no setting %s", setting_id)
  end
  if vm.critical or (vm.state ~= OFF and not vm.planned) then
    return INVALID_STATE, nil, "the virtual machine must be off"
  end
  return jobs.start(self, "modify resource", vm, setting_id, changes)
end

return methods
