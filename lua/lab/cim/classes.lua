-- Class declarations of root\virtualization\v2, as far as the fact sheet hyperv-wmi tells them
-- (sections 1 and 2).
local schema = require("lab.cim.schema")

local M = schema.new("root/virtualization/v2")

local SYSTEM_KEYS = "CreationClassName Name"
local SYSTEM = [[
  string CreationClassName, string Name, string ElementName, string Caption, string Description,
  datetime InstallDate, uint16 EnabledState, uint16 RequestedState, uint16 EnabledDefault,
  uint16 HealthState, uint16[] OperationalStatus, string[] StatusDescriptions, string Status,
  datetime TimeOfLastStateChange, datetime TimeOfLastConfigurationChange,
  uint64 OnTimeInMilliseconds, uint32 ProcessID, uint16 NumberOfNumaNodes,
  uint16 EnhancedSessionModeState, uint16 ReplicationState, string[] OtherIdentifyingInfo]]
local CHANGE = "in uint16 RequestedState, in datetime TimeoutPeriod, out reference Job"

M:class("Msvm_ComputerSystem", "CIM_ComputerSystem CIM_System CIM_EnabledLogicalElement",
  SYSTEM_KEYS, SYSTEM, {
  RequestStateChange = CHANGE,
})
M:class("Msvm_PlannedComputerSystem", "CIM_ComputerSystem CIM_System CIM_EnabledLogicalElement",
  SYSTEM_KEYS, SYSTEM, {
  RequestStateChange = CHANGE,
})

M:class("Msvm_VirtualSystemSettingData", "CIM_VirtualSystemSettingData CIM_SettingData",
  "InstanceID", [[
  string InstanceID, string Caption, string Description, string ElementName,
  string VirtualSystemIdentifier, string VirtualSystemType, string VirtualSystemSubType,
  string Version, datetime CreationTime, string[] Notes, string ConfigurationID,
  string ConfigurationDataRoot, string ConfigurationFile, string SnapshotDataRoot,
  string SuspendDataRoot, string SwapFileDataRoot, string LogDataRoot,
  string GuestStateDataRoot, string GuestStateFile, boolean IsSaved,
  boolean GuestControlledCacheTypes, uint64 LowMmioGapSize, uint64 HighMmioGapSize,
  uint16 AutomaticShutdownAction, uint16 AutomaticStartupAction, uint16 AutomaticRecoveryAction,
  uint16 AutomaticCriticalErrorAction, uint16 UserSnapshotType,
  boolean AutomaticSnapshotsEnabled, boolean TurnOffOnGuestRestart]])

local SERVICE_KEYS = "CreationClassName Name SystemCreationClassName SystemName"
local SERVICE = [[
  string CreationClassName, string Name, string SystemCreationClassName, string SystemName,
  string Caption, string ElementName, uint16 EnabledState, string Status, boolean Started]]

M:class("Msvm_VirtualSystemManagementService", "CIM_VirtualSystemManagementService CIM_Service",
  SERVICE_KEYS, SERVICE, {
  ImportSystemDefinition = "in string SystemDefinitionFile, in string SnapshotFolder, "
    .. "in boolean GenerateNewSystemIdentifier, out reference ImportedSystem, "
    .. "out reference Job",
  ValidatePlannedSystem = "in reference PlannedSystem, out reference Job",
  RealizePlannedSystem = "in reference PlannedSystem, out reference ResultingSystem, "
    .. "out reference Job",
  DestroySystem = "in reference AffectedSystem, out reference Job",
  ExportSystemDefinition = "in reference ComputerSystem, in string ExportDirectory, "
    .. "in embedded ExportSettingData, out reference Job",
  AddResourceSettings = "in reference AffectedConfiguration, in embedded[] ResourceSettings, "
    .. "out reference[] ResultingResourceSettings, out reference Job",
  ModifyResourceSettings = "in embedded[] ResourceSettings, "
    .. "out reference[] ResultingResourceSettings, out reference Job",
  RemoveResourceSettings = "in reference[] ResourceSettings, out reference Job",
  ModifySystemSettings = "in embedded SystemSettings, out reference Job",
  GetSummaryInformation = "in reference[] SettingData, in uint32[] RequestedInformation, "
    .. "out instance[] SummaryInformation",
  GetDefinitionFileSummaryInformation = "in string[] DefinitionFiles, "
    .. "out instance[] SummaryInformation",
})

M:class("Msvm_AssignableDeviceService", "CIM_Service", SERVICE_KEYS, SERVICE, {
  DismountAssignableDevice = "in embedded DismountSettingData, "
    .. "out string DismountedDeviceInstancePath, out reference Job",
  MountAssignableDevice = "in string DeviceInstancePath, in string DeviceLocationPath, "
    .. "out string MountedDeviceInstancePath, out reference Job",
})

M:class("Msvm_ConcreteJob", "CIM_ConcreteJob CIM_Job", "InstanceID", [[
  string InstanceID, string Caption, string Description, string ElementName, string Name,
  uint16 JobState, uint16 JobType, string JobStatus, uint16 PercentComplete, uint16 ErrorCode,
  string ErrorDescription, string ErrorSummaryDescription, datetime StartTime,
  datetime TimeSubmitted, datetime ElapsedTime, datetime TimeBeforeRemoval, boolean Cancellable,
  boolean DeleteOnCompletion, uint16 HealthState, uint16[] OperationalStatus, string Status]], {
  GetError = "out embedded Error",
  GetErrorEx = "out embedded[] Errors",
  RequestStateChange = "in uint16 RequestedState, in datetime TimeoutPeriod",
})
M:class("Msvm_Error", "CIM_Error", "", [[
  string MessageID, string Message, string[] MessageArguments, string ErrorSource,
  uint16 ErrorType, uint16 PerceivedSeverity, uint16 ProbableCause, uint32 CIMStatusCode,
  string OwningEntity]])

local ALLOCATION = [[
  string InstanceID, string Caption, string Description, string ElementName, string Address,
  string AddressOnParent, string AllocationUnits, boolean AutomaticAllocation,
  boolean AutomaticDeallocation, uint16 ConsumerVisibility, string[] Connection,
  string[] HostResource, uint64 Limit, uint16 MappingBehavior, string OtherResourceType,
  string Parent, string PoolID, uint64 Reservation, string ResourceSubType, uint16 ResourceType,
  uint64 VirtualQuantity, string VirtualQuantityUnits, uint32 Weight]]
local ALLOCATIONS = "CIM_ResourceAllocationSettingData CIM_SettingData"

M:class("Msvm_StorageAllocationSettingData", "CIM_StorageAllocationSettingData " .. ALLOCATIONS,
  "InstanceID",
  ALLOCATION .. ", uint16 Access, boolean IgnoreFlushes")
M:class("Msvm_EthernetPortAllocationSettingData", "CIM_EthernetPortAllocationSettingData "
  .. ALLOCATIONS, "InstanceID",
  ALLOCATION .. ", uint16 EnabledState, string LastKnownSwitchName, string[] RequiredFeatures")
M:class("Msvm_MemorySettingData", ALLOCATIONS, "InstanceID",
  ALLOCATION .. ", boolean DynamicMemoryEnabled, uint32 TargetMemoryBuffer")
M:class("Msvm_ProcessorSettingData", ALLOCATIONS, "InstanceID", ALLOCATION
  .. ", uint64 MaxProcessorsPerNumaNode")
M:class("Msvm_PciExpressSettingData", ALLOCATIONS, "InstanceID",
  ALLOCATION .. ", uint16[] VirtualFunctions, string[] VirtualSystemIdentifiers, "
    .. "uint8 GuestPciExpressMode")

M:class("Msvm_GpuPartitionSettingData", ALLOCATIONS, "InstanceID", ALLOCATION .. [[,
  uint64 MinPartitionVRAM, uint64 MaxPartitionVRAM, uint64 OptimalPartitionVRAM,
  uint64 MinPartitionEncode, uint64 MaxPartitionEncode, uint64 OptimalPartitionEncode,
  uint64 MinPartitionDecode, uint64 MaxPartitionDecode, uint64 OptimalPartitionDecode,
  uint64 MinPartitionCompute, uint64 MaxPartitionCompute, uint64 OptimalPartitionCompute]])

local DEVICE_KEYS = "CreationClassName DeviceID SystemCreationClassName SystemName"
local DEVICE = [[
  string CreationClassName, string DeviceID, string SystemCreationClassName, string SystemName,
  string Caption, string Description, string ElementName, uint16 EnabledState,
  uint16 HealthState, uint16[] OperationalStatus, string[] StatusDescriptions, string Status]]

M:class("Msvm_PciExpress", "CIM_LogicalDevice", DEVICE_KEYS,
  DEVICE .. ", string DeviceInstancePath, string LocationPath, uint16 FunctionNumber")
-- Of its keys only the name is known (docs/facts/hyperv-wmi.md#2.3).
M:class("Msvm_PartitionableGpu", "CIM_LogicalDevice", "Name", DEVICE .. [[
, string Name, uint16[] ValidPartitionCounts, uint16 PartitionCount,
  uint64 TotalVRAM, uint64 AvailableVRAM, uint64 MinPartitionVRAM, uint64 MaxPartitionVRAM,
  uint64 OptimalPartitionVRAM]])
M:class("Msvm_ShutdownComponent", "CIM_LogicalDevice", DEVICE_KEYS, DEVICE, {
  InitiateShutdown = "in boolean Force, in string Reason",
})
M:class("Msvm_HeartbeatComponent", "CIM_LogicalDevice", DEVICE_KEYS, DEVICE)
M:class("Msvm_KvpExchangeComponent", "CIM_LogicalDevice", DEVICE_KEYS,
  DEVICE .. ", embedded[] GuestIntrinsicExchangeItems, embedded[] GuestExchangeItems")
M:class("Msvm_KvpExchangeDataItem", "", "",
  "string Name, string Data, uint16 Source, string Caption")

M:class("Msvm_VirtualEthernetSwitch", "CIM_ComputerSystem CIM_System CIM_EnabledLogicalElement",
  SYSTEM_KEYS, [[
  string CreationClassName, string Name, string ElementName, string Caption, string Description,
  uint16 EnabledState, uint16 HealthState, uint16[] OperationalStatus]])

M:class("Msvm_SummaryInformation", "Msvm_SummaryInformationBase", "Name", [[
  string Name, string ElementName, datetime CreationTime, string Notes,
  uint16 NumberOfProcessors, string Version, boolean Shielded, uint16 EnabledState,
  uint16 ProcessorLoad, uint64 MemoryUsage, uint16 Heartbeat, uint64 UpTime,
  string GuestOperatingSystem, uint16 HealthState, uint16[] OperationalStatus,
  string[] StatusDescriptions, string[] VirtualSwitchNames, string OtherEnabledState]])

M:class("Msvm_ResourcePool", "CIM_ResourcePool CIM_LogicalElement", "InstanceID", [[
  string InstanceID, string ElementName, string PoolID, boolean Primordial, uint16 ResourceType,
  string ResourceSubType, string AllocationUnits, uint64 Capacity, uint64 Reserved]])
M:class("Msvm_AllocationCapabilities", "CIM_AllocationCapabilities CIM_Capabilities",
  "InstanceID", [[
  string InstanceID, string ElementName, uint16 ResourceType, string ResourceSubType,
  uint16 RequestTypesSupported, uint16 SharingMode]])

M:class("Msvm_VirtualSystemExportSettingData", "CIM_SettingData", "InstanceID", [[
  string InstanceID, string ElementName, string Caption, string Description,
  uint8 CopySnapshotConfiguration, boolean CopyVmStorage, boolean CopyVmRuntimeInformation,
  boolean CreateVmExportSubdirectory, uint8 CaptureLiveState, string SnapshotVirtualSystem,
  uint8 BackupIntent]])
M:class("Msvm_AssignableDeviceDismountSettingData", "CIM_SettingData", "InstanceID", [[
  string InstanceID, string ElementName, string DeviceInstancePath, string DeviceLocationPath,
  boolean RequireAcsSupport, boolean RequireDeviceMitigations]])

return M
