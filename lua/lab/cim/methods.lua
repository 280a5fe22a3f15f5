-- Methods of root\virtualization\v2: from CIM arguments to the world's operations and back. A
-- method returns its ReturnValue and its outs by name.
local errors = require("lab.world.errors")
local namespace = require("lab.cim.classes")
local paths = require("lab.cim.paths")

local INVALID_PARAMETER, NO_FILE = 32773, 32779

local function truth(value)
  return value == true or value == 1 or (type(value) == "string" and value:lower() == "true")
end

local function whole(value)
  return math.tointeger(tonumber(value))
end

-- "" and absent are the same to Hyper-V.
local function filled(value)
  return value ~= "" and value or nil
end

local function job_ref(job)
  return job and { class = "Msvm_ConcreteJob", keys = { InstanceID = job.id } } or nil
end

local function affected_ref(out)
  local affected = type(out) == "table" and out.affected
  if not affected then
    return nil
  end
  local class = affected.kind == "planned" and "Msvm_PlannedComputerSystem" or "Msvm_ComputerSystem"
  return { class = class, keys = { CreationClassName = class, Name = affected.id } }
end

local function key_of(ref, name)
  for key, value in next, type(ref) == "table" and ref.keys or {} do
    if key:lower() == name:lower() then
      return value
    end
  end
  errors.wmi(errors.INVALID_METHOD_PARAMETERS, "a reference has no key %s", name)
end

-- GUID of the system that a reference means.
local function system_id(ref)
  return key_of(ref, "Name")
end

-- GUID in a settings' InstanceID, "Microsoft:<GUID>".
local function settings_id(ref)
  local id = tostring(key_of(ref, "InstanceID")):match("^[Mm]icrosoft:([%x%-]+)$")
  if not id then
    errors.wmi(errors.NOT_FOUND, "there are no such settings")
  end
  return id
end

-- Properties of an embedded instance by lower-case name.
local function fields(instance)
  if type(instance) ~= "table" or not instance.properties then
    return nil
  end
  local result = {}
  for name, value in next, instance.properties do
    result[name:lower()] = value
  end
  return result
end

local function first(value)
  if type(value) == "table" then
    return value[1]
  end
  return value
end

-- Systems ---------------------------------------------------------------------------------------

local function change_state(context, instance, args)
  local wanted = whole(args.RequestedState)
  if not wanted or instance.values.Name == context.host then
    return INVALID_PARAMETER
  end
  local code, job = context.hyperv:request_state(instance.values.Name, wanted)
  return code, { Job = job_ref(job) }
end
namespace:method("Msvm_ComputerSystem", "RequestStateChange", change_state)
namespace:method("Msvm_PlannedComputerSystem", "RequestStateChange", change_state)

namespace:method("Msvm_ShutdownComponent", "InitiateShutdown", function(context, instance, args)
  return context.hyperv:initiate_shutdown(instance.values.SystemName, truth(args.Force),
    args.Reason)
end)

-- Management service ----------------------------------------------------------------------------

local function service(name, fn)
  namespace:method("Msvm_VirtualSystemManagementService", name, fn)
end

service("ImportSystemDefinition", function(context, _, args)
  local code, job, out = context.hyperv:import_definition(
    args.SystemDefinitionFile,
    filled(args.SnapshotFolder),
    truth(args.GenerateNewSystemIdentifier)
  )
  return code, { ImportedSystem = affected_ref(out), Job = job_ref(job) }
end)

service("ValidatePlannedSystem", function(context, _, args)
  local code, job = context.hyperv:validate_planned(system_id(args.PlannedSystem))
  return code, { Job = job_ref(job) }
end)

service("RealizePlannedSystem", function(context, _, args)
  local code, job, out = context.hyperv:realize(system_id(args.PlannedSystem))
  return code, { ResultingSystem = affected_ref(out), Job = job_ref(job) }
end)

service("DestroySystem", function(context, _, args)
  local code, job = context.hyperv:destroy(system_id(args.AffectedSystem))
  return code, { Job = job_ref(job) }
end)

service("ExportSystemDefinition", function(context, _, args)
  local settings = fields(args.ExportSettingData) or {}
  if not filled(args.ExportDirectory) then
    return INVALID_PARAMETER
  end
  local code, job = context.hyperv:export(system_id(args.ComputerSystem), args.ExportDirectory, {
    with_disks = truth(settings.copyvmstorage),
    runtime = truth(settings.copyvmruntimeinformation),
    subdirectory = truth(settings.createvmexportsubdirectory),
  })
  return code, { Job = job_ref(job) }
end)

-- The device that HostResource names, as an instance id on this host.
local function host_device(context, value)
  local path = type(value) == "string" and paths.parse(value)
  if not path or path.class:lower() ~= "msvm_pciexpress" then
    return nil
  end
  if path.host and path.host ~= "." and path.host:upper() ~= context.host then
    return nil
  end
  local id = key_of(path, "DeviceID")
  return id:match("^[Mm]icrosoft:[%x%-]+\\(.+)$")
end

-- As a host does: a number that comes as text, say, makes the whole call invalid.
local function check_types(embedded)
  local schema = type(embedded) == "table" and namespace.by_name[embedded.class:lower()]
  for name, told in pairs(schema and embedded.types or {}) do
    local property = schema.property_by_name[name:lower()]
    if property and property.type ~= told and property.type ~= "reference" then
      errors.wmi(0x80041008, "%s is a %s, not a %s", name, property.type, told)
    end
  end
end

-- What can be added: by class of the embedded setting.
local add = {
  msvm_pciexpresssettingdata = function(context, id, settings)
    local instance = host_device(context, first(settings.hostresource))
    if not instance then
      return INVALID_PARAMETER
    end
    return context.hyperv:add_resource(id, { kind = "pci", instance = instance })
  end,
  msvm_gpupartitionsettingdata = function(context, id, settings)
    local path = first(settings.hostresource)
    local ref = filled(path) and paths.parse(path)
    if path and path ~= "" and (not ref or ref.class:lower() ~= "msvm_partitionablegpu") then
      return INVALID_PARAMETER
    end
    return context.hyperv:add_partition(id, {
      gpu = ref and key_of(ref, "Name") or nil,
      amount = whole(settings.optimalpartitionvram or 0),
    })
  end,
}

service("AddResourceSettings", function(context, _, args)
  local id = settings_id(args.AffectedConfiguration)
  local code, job, out = INVALID_PARAMETER, nil, nil
  local class
  for _, embedded in ipairs(args.ResourceSettings or {}) do
    local settings = fields(embedded)
    check_types(embedded)
    class = settings and embedded.class
    local how = class and add[class:lower()]
    if not how then
      return INVALID_PARAMETER
    end
    code, job, out = how(context, id, settings)
    if code ~= 0 and code ~= 4096 then
      return code
    end
  end
  local made = out and out[1] and { { class = class, keys = { InstanceID = out[1] } } }
  return code, { ResultingResourceSettings = made or nil, Job = job_ref(job) }
end)

-- Changes in the world's words, by class of the embedded setting; nil: not a class that can be
-- changed.
local changes_of = {
  msvm_storageallocationsettingdata = function(_, settings)
    return { path = first(settings.hostresource) }
  end,
  msvm_ethernetportallocationsettingdata = function(context, settings)
    local changes = {}
    if settings.enabledstate then
      changes.connected = whole(settings.enabledstate) ~= 3
    end
    local path = first(settings.hostresource)
    local ref = path and paths.parse(path)
    if settings.hostresource and not path then
      changes.connected = false
    end
    for i, name in ipairs(ref and context.hyperv.switches or {}) do
      local guid = string.format("5A17C400-0001-4000-8000-%06X%06X", context.node.number, i)
      if key_of(ref, "Name"):upper() == guid then
        changes.switch = name
      end
    end
    return changes
  end,
  msvm_memorysettingdata = function(_, settings)
    local changes = { size = whole(settings.virtualquantity) }
    if settings.dynamicmemoryenabled ~= nil then
      changes.dynamic = truth(settings.dynamicmemoryenabled)
    end
    return changes
  end,
  msvm_processorsettingdata = function(_, settings)
    return { count = whole(settings.virtualquantity) }
  end,
}

service("ModifyResourceSettings", function(context, _, args)
  local code, job = INVALID_PARAMETER, nil
  local refs = {}
  for i, embedded in ipairs(args.ResourceSettings or {}) do
    local settings = fields(embedded)
    local changes = settings and changes_of[embedded.class:lower()]
    if not changes or not settings.instanceid then
      return INVALID_PARAMETER
    end
    code, job = context.hyperv:modify_resource(settings.instanceid, changes(context, settings))
    if code ~= 0 and code ~= 4096 then
      return code
    end
    refs[i] = { class = embedded.class, keys = { InstanceID = settings.instanceid } }
  end
  return code, { ResultingResourceSettings = refs, Job = job_ref(job) }
end)

service("RemoveResourceSettings", function(context, _, args)
  local code, job = INVALID_PARAMETER, nil
  for _, ref in ipairs(args.ResourceSettings or {}) do
    code, job = context.hyperv:remove_resource(key_of(ref, "InstanceID"))
    if code ~= 0 and code ~= 4096 then
      return code
    end
  end
  return code, { Job = job_ref(job) }
end)

-- Properties of Msvm_VirtualSystemSettingData that may be sent: the world's name and how to read
-- the value.
local SYSTEM_SETTINGS = {
  elementname = { "name", tostring },
  notes = { "notes", first },
  automaticshutdownaction = { "stop_action", whole },
  automaticstartupaction = { "start_action", whole },
  automaticrecoveryaction = { "recovery_action", whole },
  automaticcriticalerroraction = { "critical_action", whole },
  usersnapshottype = { "checkpoints", whole },
  guestcontrolledcachetypes = { "cache_types", truth },
  lowmmiogapsize = { "low_mmio", whole },
  highmmiogapsize = { "high_mmio", whole },
  configurationdataroot = { "root", tostring },
  snapshotdataroot = { "snapshot_root", tostring },
  swapfiledataroot = { "swap_root", tostring },
}
-- A real host answers these with WBEM_E_INVALID_PARAMETER (docs/facts/hyperv-wmi.md#1.6).
local REFUSED = { suspenddataroot = true, gueststatedataroot = true, logdataroot = true }

service("ModifySystemSettings", function(context, _, args)
  local settings = fields(args.SystemSettings)
  if not settings or not settings.instanceid then
    return INVALID_PARAMETER
  end
  local changes = { read_only = {} }
  for name, value in next, settings do
    local known = SYSTEM_SETTINGS[name]
    if REFUSED[name] then
      errors.wmi(errors.INVALID_PARAMETER, "%s cannot be changed", name)
    elseif known then
      changes[known[1]] = known[2](value)
    elseif name ~= "instanceid" then
      table.insert(changes.read_only, name)
    end
  end
  table.sort(changes.read_only)
  local id = settings_id({ keys = { InstanceID = settings.instanceid } })
  local code, job = context.hyperv:modify_system(id, changes)
  return code, { Job = job_ref(job) }
end)

local function summary(context, vm)
  local hyperv, config = context.hyperv, vm.config
  local switches = {}
  for i, adapter in ipairs(config.adapters) do
    switches[i] = adapter.connected and adapter.switch or nil
  end
  local active = hyperv:active(vm)
  return {
    class = "Msvm_SummaryInformation",
    values = {
      Name = vm.id,
      ElementName = config.name,
      CreationTime = config.created,
      Notes = config.notes,
      NumberOfProcessors = config.processors,
      Version = config.version,
      Shielded = false,
      EnabledState = hyperv:enabled_state(vm),
      ProcessorLoad = active and 1 or 0,
      MemoryUsage = active and config.memory or 0,
      Heartbeat = hyperv:heartbeat(vm),
      UpTime = math.floor(hyperv:uptime(vm) * 1000),
      GuestOperatingSystem = vm.booted and "Windows Server 2022 Standard" or nil,
      HealthState = hyperv:health(vm),
      OperationalStatus = hyperv:operational(vm),
      VirtualSwitchNames = switches,
    },
  }
end

service("GetSummaryInformation", function(context, _, args)
  local list = {}
  if args.SettingData and #args.SettingData > 0 then
    for i, ref in ipairs(args.SettingData) do
      list[i] = summary(context, context.hyperv:need(settings_id(ref)))
    end
  else
    for i, vm in ipairs(context.hyperv:vms()) do
      list[i] = summary(context, vm)
    end
  end
  return 0, { SummaryInformation = list }
end)

service("GetDefinitionFileSummaryInformation", function(context, _, args)
  local list = {}
  for i, known in ipairs(context.hyperv:definition_summary(args.DefinitionFiles or {})) do
    list[i] = {
      class = "Msvm_SummaryInformation",
      values = { Name = known.id, ElementName = known.name, CreationTime = known.created,
        Notes = known.notes },
    }
  end
  if #list == 0 then
    return NO_FILE
  end
  return 0, { SummaryInformation = list }
end)

-- Assignable devices ----------------------------------------------------------------------------

local function out_instance(job, out)
  local done = out or job and job.out
  return done and done.instance or nil
end

local DEVICE_SERVICE = "Msvm_AssignableDeviceService"

namespace:method(DEVICE_SERVICE, "DismountAssignableDevice", function(context, _, args)
  local settings = fields(args.DismountSettingData)
  if not settings then
    return INVALID_PARAMETER
  end
  local code, job, out = context.hyperv:dismount({
    instance = filled(settings.deviceinstancepath),
    location = filled(settings.devicelocationpath),
    require_acs = truth(settings.requireacssupport),
    require_mitigations = truth(settings.requiredevicemitigations),
  })
  return code, { DismountedDeviceInstancePath = out_instance(job, out), Job = job_ref(job) }
end)

namespace:method(DEVICE_SERVICE, "MountAssignableDevice", function(context, _, args)
  local code, job, out = context.hyperv:mount({
    instance = filled(args.DeviceInstancePath),
    location = filled(args.DeviceLocationPath),
  })
  return code, { MountedDeviceInstancePath = out_instance(job, out), Job = job_ref(job) }
end)

-- Jobs ------------------------------------------------------------------------------------------

local function error_instances(context, instance)
  local job = context.hyperv:job(instance.values.InstanceID)
  local list = {}
  for i, problem in ipairs(job and job.errors or {}) do
    list[i] = {
      class = "Msvm_Error",
      values = {
        MessageID = problem.id,
        Message = problem.text,
        ErrorSource = problem.source,
        ErrorType = 4,
        PerceivedSeverity = 5,
        OwningEntity = "vmms",
      },
    }
  end
  return list
end

namespace:method("Msvm_ConcreteJob", "GetError", function(context, instance)
  return 0, { Error = error_instances(context, instance)[1] }
end)

namespace:method("Msvm_ConcreteJob", "GetErrorEx", function(context, instance)
  local list = error_instances(context, instance)
  return 0, { Errors = #list > 0 and list or nil }
end)

namespace:method("Msvm_ConcreteJob", "RequestStateChange", function(context, instance, args)
  local wanted = whole(args.RequestedState)
  if wanted ~= 4 and wanted ~= 5 then
    return INVALID_PARAMETER
  end
  return context.hyperv:stop_job(instance.values.InstanceID, wanted)
end)
