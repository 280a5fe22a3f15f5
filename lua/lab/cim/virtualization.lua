-- root\virtualization\v2 of a node: the world's records as instances, and how they hang together.
-- The methods are in methods.lua, the classes in classes.lua.
local namespace = require("lab.cim.classes")
local paths = require("lab.cim.paths")

require("lab.cim.methods")

local PCI_SUBTYPE = "Microsoft:Hyper-V:Virtual Pci Express Port"
local PCI_POOL = "Microsoft:7F3C1A90-5B5E-4A55-9F0A-0A7D3E6B2C11"
local PCI_TEMPLATE = "Microsoft:Definition\\7F3C1A90-5B5E-4A55-9F0A-0A7D3E6B2C11\\Default"
local SHARE_SUBTYPE = "Microsoft:Hyper-V:GPU Partition"
local SHARE_TEMPLATE = "Microsoft:Definition\\9F5F7A44-5B7B-4F06-9D0C-3C6B1C1E2A77\\Default"
local NO_SWITCH = "00000000-0000-0000-0000-000000000000"

local function all_vms(context)
  local list = {}
  for _, vm in ipairs(context.hyperv:vms()) do
    list[#list + 1] = vm
  end
  for _, vm in ipairs(context.hyperv:planned_vms()) do
    list[#list + 1] = vm
  end
  return list
end

local function system_class(vm)
  return vm.planned and "Msvm_PlannedComputerSystem" or "Msvm_ComputerSystem"
end

local function system_ref(vm)
  local class = system_class(vm)
  return { class = class, keys = { CreationClassName = class, Name = vm.id } }
end

local function setting_ref(class, id)
  return { class = class, keys = { InstanceID = id } }
end

local function settings_ref(vm)
  return setting_ref("Msvm_VirtualSystemSettingData", "Microsoft:" .. vm.id)
end

local function full_path(context, ref)
  return paths.format(ref, context.host, context.namespace)
end

-- Systems ---------------------------------------------------------------------------------------

local function host_system(context)
  return {
    class = "Msvm_ComputerSystem",
    values = {
      CreationClassName = "Msvm_ComputerSystem",
      Name = context.host,
      ElementName = context.host,
      Caption = "Hosting Computer System",
      Description = "Microsoft Hosting Computer System",
      EnabledState = 2,
      RequestedState = 12,
      EnabledDefault = 2,
      HealthState = 5,
      OperationalStatus = { 2 },
      StatusDescriptions = { "OK" },
      Status = "OK",
      NumberOfNumaNodes = 2,
    },
  }
end

local function system(context, vm)
  local hyperv, world = context.hyperv, context.world
  local kind = vm.planned and "Planned Virtual Machine" or "Virtual Machine"
  return {
    class = system_class(vm),
    values = {
      CreationClassName = system_class(vm),
      Name = vm.id,
      ElementName = vm.config.name,
      Caption = kind,
      Description = "Microsoft " .. kind,
      InstallDate = vm.config.created,
      EnabledState = hyperv:enabled_state(vm),
      RequestedState = 12,
      EnabledDefault = 2,
      HealthState = hyperv:health(vm),
      OperationalStatus = hyperv:operational(vm),
      StatusDescriptions = { vm.critical and "Cannot connect to the configuration storage."
        or "Operating normally" },
      Status = vm.critical and "Degraded" or "OK",
      TimeOfLastStateChange = world:dmtf(vm.changed),
      TimeOfLastConfigurationChange = world:dmtf(vm.changed),
      OnTimeInMilliseconds = math.floor(hyperv:uptime(vm) * 1000),
      ProcessID = hyperv:process_id(vm),
      NumberOfNumaNodes = 1,
      EnhancedSessionModeState = 3,
      ReplicationState = 0,
    },
  }
end

namespace:instances("Msvm_ComputerSystem", function(context)
  local list = { host_system(context) }
  for i, vm in ipairs(context.hyperv:vms()) do
    list[i + 1] = system(context, vm)
  end
  return list
end)

namespace:instances("Msvm_PlannedComputerSystem", function(context)
  local list = {}
  for i, vm in ipairs(context.hyperv:planned_vms()) do
    list[i] = system(context, vm)
  end
  return list
end)

namespace:instances("Msvm_VirtualSystemSettingData", function(context)
  local list = {}
  for i, vm in ipairs(all_vms(context)) do
    local config = vm.config
    list[i] = {
      class = "Msvm_VirtualSystemSettingData",
      values = {
        InstanceID = "Microsoft:" .. vm.id,
        Caption = "Virtual Machine Settings",
        ElementName = config.name,
        VirtualSystemIdentifier = vm.id,
        VirtualSystemType = "Microsoft:Hyper-V:System:" .. (vm.planned and "Planned" or "Realized"),
        VirtualSystemSubType = string.format("Microsoft:Hyper-V:SubType:%d", config.generation),
        Version = config.version,
        CreationTime = config.created,
        Notes = { config.notes },
        ConfigurationID = vm.id,
        ConfigurationDataRoot = config.root,
        ConfigurationFile = "Virtual Machines\\" .. vm.id .. ".vmcx",
        SnapshotDataRoot = config.snapshot_root,
        SuspendDataRoot = config.root,
        SwapFileDataRoot = config.swap_root,
        LogDataRoot = config.root,
        GuestStateDataRoot = config.root,
        GuestStateFile = "Virtual Machines\\" .. vm.id .. ".vmgs",
        IsSaved = config.is_saved,
        GuestControlledCacheTypes = config.cache_types,
        LowMmioGapSize = config.low_mmio,
        HighMmioGapSize = config.high_mmio,
        AutomaticShutdownAction = config.stop_action,
        AutomaticStartupAction = config.start_action,
        AutomaticRecoveryAction = config.recovery_action,
        AutomaticCriticalErrorAction = config.critical_action,
        UserSnapshotType = config.checkpoints,
        AutomaticSnapshotsEnabled = false,
        TurnOffOnGuestRestart = false,
      },
    }
  end
  return list
end)

-- Services --------------------------------------------------------------------------------------

local function service(class, name)
  namespace:instances(class, function(context)
    return {
      {
        class = class,
        values = {
          CreationClassName = class,
          Name = name,
          SystemCreationClassName = "Msvm_ComputerSystem",
          SystemName = context.host,
          Caption = name,
          ElementName = name,
          EnabledState = 2,
          Status = "OK",
          Started = true,
        },
      },
    }
  end)
end
service("Msvm_VirtualSystemManagementService", "vmms")
service("Msvm_AssignableDeviceService", "vmms")

-- Settings of a virtual machine -----------------------------------------------------------------

local function allocation(class, id, fields)
  fields.InstanceID = id
  fields.AutomaticAllocation, fields.AutomaticDeallocation = true, true
  fields.ConsumerVisibility = 3
  return { class = class, values = fields }
end

local function disk_setting(_, vm, disk)
  return allocation("Msvm_StorageAllocationSettingData", disk.id, {
    Caption = "Hard Disk Image",
    ElementName = "Hard Disk Image",
    ResourceType = 31,
    ResourceSubType = "Microsoft:Hyper-V:Virtual "
      .. (disk.kind == "iso" and "CD/DVD Disk" or "Hard Disk"),
    HostResource = { disk.path },
    Parent = "Microsoft:" .. vm.id .. "\\controller\\0\\0\\D",
    VirtualQuantity = 1,
  })
end

local function switch_ref(guid)
  local class = "Msvm_VirtualEthernetSwitch"
  return { class = class, keys = { CreationClassName = class, Name = guid } }
end

local function switch_guid(context, name)
  for i, switch in ipairs(context.hyperv.switches) do
    if switch == name then
      return string.format("5A17C400-0001-4000-8000-%06X%06X", context.node.number, i)
    end
  end
  return NO_SWITCH
end

local function adapter_setting(context, _, adapter)
  return allocation("Msvm_EthernetPortAllocationSettingData", adapter.id, {
    Caption = "Ethernet Switch Port Settings",
    ElementName = adapter.name,
    ResourceType = 33,
    ResourceSubType = "Microsoft:Hyper-V:Ethernet Connection",
    EnabledState = adapter.connected and 2 or 3,
    HostResource = adapter.connected
      and { full_path(context, switch_ref(switch_guid(context, adapter.switch))) } or nil,
    LastKnownSwitchName = adapter.switch,
    VirtualQuantity = 1,
  })
end

local function express_ref(context, assigned)
  local class = "Msvm_PciExpress"
  local host = context.world:node(assigned.host) or context.node
  return {
    class = class,
    keys = {
      CreationClassName = class,
      DeviceID = "Microsoft:" .. host.guid .. "\\" .. assigned.instance,
      SystemCreationClassName = "Msvm_ComputerSystem",
      SystemName = host.host_name,
    },
  }
end

local function pci_setting(context, vm, assigned)
  local ref = express_ref(context, assigned)
  return allocation("Msvm_PciExpressSettingData", assigned.id, {
    Caption = "Virtual Pci Express Port Settings",
    ElementName = "Virtual PCI Express Port",
    ResourceType = 32769,
    ResourceSubType = PCI_SUBTYPE,
    AllocationUnits = "count",
    HostResource = { paths.format(ref, ref.keys.SystemName, context.namespace) },
    VirtualQuantity = 1,
    Reservation = 1,
    Limit = 1,
    VirtualFunctions = { 0 },
    VirtualSystemIdentifiers = { vm.id },
  })
end

local function gpu_ref(name)
  return { class = "Msvm_PartitionableGpu", keys = { Name = name } }
end

local function share_setting(context, _, share)
  return allocation("Msvm_GpuPartitionSettingData", share.id, {
    Caption = "GPU Partition Settings",
    ElementName = "GPU Partition Settings",
    ResourceType = 32770,
    ResourceSubType = SHARE_SUBTYPE,
    HostResource = share.gpu
      and { full_path(context, gpu_ref(share.gpu)) } or nil,
    VirtualQuantity = 1,
    MinPartitionVRAM = share.amount,
    MaxPartitionVRAM = share.amount,
    OptimalPartitionVRAM = share.amount,
  })
end

local function memory_setting(_, vm)
  return allocation("Msvm_MemorySettingData", "Microsoft:" .. vm.id .. "\\Memory", {
    ElementName = "Memory",
    ResourceType = 4,
    ResourceSubType = "Microsoft:Hyper-V:Memory",
    AllocationUnits = "byte * 2^20",
    VirtualQuantity = vm.config.memory,
    Reservation = vm.config.memory,
    Limit = vm.config.memory,
    DynamicMemoryEnabled = vm.config.dynamic_memory,
  })
end

local function processor_setting(_, vm)
  return allocation("Msvm_ProcessorSettingData", "Microsoft:" .. vm.id .. "\\Processor", {
    ElementName = "Processor",
    ResourceType = 3,
    ResourceSubType = "Microsoft:Hyper-V:Processor",
    AllocationUnits = "percent / 1000",
    VirtualQuantity = vm.config.processors,
    Limit = 100000,
  })
end

local function pci_template()
  return allocation("Msvm_PciExpressSettingData", PCI_TEMPLATE, {
    Caption = "Default Virtual Pci Express Port Settings",
    ElementName = "Virtual PCI Express Port",
    ResourceType = 32769,
    ResourceSubType = PCI_SUBTYPE,
    AllocationUnits = "count",
    PoolID = "",
    VirtualQuantity = 1,
    Reservation = 1,
    Limit = 1,
    VirtualFunctions = {}, GuestPciExpressMode = 0,
  })
end

local function share_template()
  return allocation("Msvm_GpuPartitionSettingData", SHARE_TEMPLATE, {
    Caption = "Default GPU Partition Settings",
    ElementName = "GPU Partition Settings",
    ResourceType = 32770,
    ResourceSubType = SHARE_SUBTYPE,
    PoolID = "",
    VirtualQuantity = 1,
    MinPartitionVRAM = 0,
    MaxPartitionVRAM = 0,
    OptimalPartitionVRAM = 0,
  })
end

-- Classes of settings: how many a configuration has (a list's name, or one), and what they look
-- like.
local SETTINGS = {
  { class = "Msvm_MemorySettingData", make = memory_setting },
  { class = "Msvm_ProcessorSettingData", make = processor_setting },
  { class = "Msvm_StorageAllocationSettingData", make = disk_setting, list = "disks" },
  { class = "Msvm_EthernetPortAllocationSettingData", make = adapter_setting, list = "adapters" },
  { class = "Msvm_PciExpressSettingData", make = pci_setting, list = "assignments",
    template = pci_template },
  { class = "Msvm_GpuPartitionSettingData", make = share_setting, list = "partitions",
    template = share_template },
}

local ONE = { false }
local function each_setting(context, kind, visit)
  for _, vm in ipairs(all_vms(context)) do
    for _, item in ipairs(kind.list and context.hyperv:shown(vm.config[kind.list]) or ONE) do
      visit(vm, kind.make(context, vm, item))
    end
  end
end

for _, kind in ipairs(SETTINGS) do
  namespace:instances(kind.class, function(context)
    local list = {}
    if kind.template then
      list[1] = kind.template()
    end
    each_setting(context, kind, function(_, instance)
      list[#list + 1] = instance
    end)
    return list
  end)
end

namespace:instances("Msvm_VirtualSystemExportSettingData", function(context)
  local list = {}
  for i, vm in ipairs(context.hyperv:vms()) do
    list[i] = {
      class = "Msvm_VirtualSystemExportSettingData",
      values = {
        InstanceID = "Microsoft:" .. vm.id,
        ElementName = vm.config.name,
        CopySnapshotConfiguration = 0,
        CopyVmStorage = true,
        CopyVmRuntimeInformation = true,
        CreateVmExportSubdirectory = true,
        CaptureLiveState = 1,
        BackupIntent = 0,
      },
    }
  end
  return list
end)

require("lab.cim.components")(namespace, switch_guid)

namespace:instances("Msvm_ResourcePool", function()
  return {
    {
      class = "Msvm_ResourcePool",
      values = {
        InstanceID = PCI_POOL,
        ElementName = "Primordial",
        PoolID = "",
        Primordial = true,
        ResourceType = 32769,
        ResourceSubType = PCI_SUBTYPE,
        AllocationUnits = "count",
      },
    },
  }
end)

namespace:instances("Msvm_AllocationCapabilities", function()
  return {
    {
      class = "Msvm_AllocationCapabilities",
      values = { InstanceID = PCI_POOL, ElementName = "Allocation Capabilities",
        ResourceType = 32769, ResourceSubType = PCI_SUBTYPE },
    },
  }
end)

require("lab.cim.relations")(namespace, {
  all_vms = all_vms,
  each_setting = each_setting,
  settings = SETTINGS,
  system_ref = system_ref,
  settings_ref = settings_ref,
  setting_ref = setting_ref,
  pci_pool = PCI_POOL,
  pci_template = PCI_TEMPLATE,
})

return namespace
