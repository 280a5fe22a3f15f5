// What we know about types without asking: WS-Management carries no types, so that "2" may be a
// number or a text and a single element may be an array. Two tables: properties that have the same
// type wherever they occur in the classes we use, and classes with their keys and with properties
// that differ from that. Source: Microsoft's reference of root\virtualization\v2 and root\cimv2.
// What is in neither table is text.
#include <string.h>
#include <stdlib.h>
#include <uv.h>

#include "cim.h"

#define MAX_KEYS 5

struct entry {
    const char *name;
    enum tk_cim_type type;
    bool is_array;
};

struct class_entry {
    const char *name;
    const char *super; // another entry of this table, or NULL
    const char *keys[MAX_KEYS];
    const struct entry *own; // ends with a NULL name; NULL for none
};

// ---- properties

#define B(name)   {name, TK_CIM_BOOLEAN, false},
#define S(name)   {name, TK_CIM_STRING, false},
#define SA(name)  {name, TK_CIM_STRING, true},
#define U8(name)  {name, TK_CIM_UINT8, false},
#define U16(name) {name, TK_CIM_UINT16, false},
#define U16A(n)   {n, TK_CIM_UINT16, true},
#define U32(name) {name, TK_CIM_UINT32, false},
#define U32A(n)   {n, TK_CIM_UINT32, true},
#define U64(name) {name, TK_CIM_UINT64, false},
#define U64A(n)   {n, TK_CIM_UINT64, true},
#define S16(name) {name, TK_CIM_SINT16, false},
#define S32(name) {name, TK_CIM_SINT32, false},
#define T(name)   {name, TK_CIM_DATETIME, false},
#define R(name)   {name, TK_CIM_REFERENCE, false},
#define RA(name)  {name, TK_CIM_REFERENCE, true},
#define IA(name)  {name, TK_CIM_INSTANCE, true},

// clang-format off
static const struct entry everywhere[] = {
    // every managed element
    S("Caption") S("Description") S("ElementName") S("InstanceID") S("Name") S("Status")
    S("CreationClassName") S("SystemCreationClassName") S("SystemName") S("DeviceID")
    T("InstallDate") U16A("OperationalStatus") SA("StatusDescriptions") U16("HealthState")
    U16("CommunicationStatus") U16("DetailedStatus") U16("OperatingStatus") U16("PrimaryStatus")
    // systems and services
    U16("EnabledState") U16("EnabledDefault") U16("RequestedState") S("OtherEnabledState")
    T("TimeOfLastStateChange") T("TimeOfLastConfigurationChange") U64("OnTimeInMilliseconds")
    U32("ProcessID") U16("NumberOfNumaNodes") U16("EnhancedSessionModeState")
    U16A("AvailableRequestedStates") U16("TransitioningToState") U16A("Dedicated")
    SA("IdentifyingDescriptions") SA("OtherIdentifyingInfo") SA("OtherDedicatedDescriptions")
    SA("Roles") S("NameFormat") U16("ResetCapability") U16A("PowerManagementCapabilities")
    U16("ReplicationState") U16("ReplicationHealth") U16("ReplicationMode")
    U16("FailedOverReplicationType") U16("LastReplicationType") T("LastReplicationTime")
    T("LastApplicationConsistentReplicationTime") T("LastSuccessfulBackupTime")
    B("SwapFilesInUse") S("PrimaryOwnerName") S("PrimaryOwnerContact") B("Started")
    S("StartMode") U16("Availability") U16A("AdditionalAvailability") B("ErrorCleared")
    B("PowerManagementSupported") U64("PowerOnHours") U64("TotalPowerOnHours") U64("MaxQuiesceTime")
    U32("LastErrorCode") U16("StatusInfo") U16("LocationIndicator")
    // settings of virtual systems
    S("VirtualSystemIdentifier") S("VirtualSystemType") S("VirtualSystemSubType") S("Version")
    S("ConfigurationID") S("ConfigurationDataRoot") S("ConfigurationFile") S("SnapshotDataRoot")
    S("SuspendDataRoot") S("SwapFileDataRoot") S("LogDataRoot") S("GuestStateDataRoot")
    S("GuestStateFile") S("RecoveryFile") B("IsSaved") B("GuestControlledCacheTypes")
    U64("LowMmioGapSize") U64("HighMmioGapSize") U64("HighMmioGapBase")
    U16("AutomaticShutdownAction") U16("AutomaticStartupAction") T("AutomaticStartupActionDelay")
    U16("AutomaticStartupActionSequenceNumber") U16("AutomaticRecoveryAction")
    U16("AutomaticCriticalErrorAction") T("AutomaticCriticalErrorActionTimeout")
    U16("UserSnapshotType") B("AutomaticSnapshotsEnabled") B("IsAutomaticSnapshot")
    B("TurnOffOnGuestRestart") SA("Notes") T("CreationTime") B("BIOSNumLock") U16A("BootOrder")
    RA("BootSourceOrder") B("SecureBootEnabled") S("SecureBootTemplateId") B("IncrementalBackupEnabled")
    B("LockOnDisconnect") B("PauseAfterBootFailure") B("VirtualNumaEnabled")
    U16("NetworkBootPreferredProtocol") U16("ConsoleMode")
    U32("DebugPort") U16("DebugPortEnabled") S("BaseBoardSerialNumber") S("BIOSGUID")
    S("BIOSSerialNumber") S("ChassisSerialNumber") S("ChassisAssetTag") B("AllowFullSCSICommandSet")
    B("AllowReducedFcRedundancy") U16("EnhancedSessionTransportType") B("GuestStateIsolationEnabled")
    U32("GuestStateIsolationType") U16("Architecture") S("AdditionalRecoveryInformation")
    // resource allocation
    U16("ResourceType") S("ResourceSubType") S("OtherResourceType") S("AllocationUnits")
    U64("VirtualQuantity") S("VirtualQuantityUnits") U64("Reservation") U64("Limit") U32("Weight")
    U16("ConsumerVisibility") B("AutomaticAllocation") B("AutomaticDeallocation")
    U16("MappingBehavior") S("PoolID") S("Parent") S("Address") S("AddressOnParent")
    SA("HostResource") SA("Connection") U16A("VirtualFunctions") SA("VirtualSystemIdentifiers")
    B("NumaAwarePlacement") U8("TargetVtl") {"AllowDirectTranslatedP2P", TK_CIM_BOOLEAN, true},
    B("DynamicMemoryEnabled") U32("TargetMemoryBuffer") B("IsVirtualized")
    U64("MaxMemoryBlocksPerNumaNode") B("SgxEnabled") U64("SgxSize") B("HugePagesEnabled")
    U16("Access") U64("HostResourceBlockSize") U64("VirtualResourceBlockSize") U64("HostExtentStartingAddress")
    U16("HostExtentNameFormat") U16("HostExtentNameNamespace") S("HostExtentName")
    U64("IOPSLimit") U64("IOPSReservation") S("IOPSAllocationUnits") S("StorageQoSPolicyID")
    B("PersistentReservationsSupported") U16("CachingMode") S("SnapshotId")
    U16("DesiredVLANEndpointMode") S("OtherEndpointMode") S("LastKnownSwitchName")
    SA("RequiredFeatures") SA("RequiredFeatureHints") S("TestReplicaPoolID") S("TestReplicaSwitchName")
    S("CompartmentGuid") B("StaticMacAddress") B("ClusterMonitored") B("DeviceNamingEnabled")
    B("AllowPacketDirect") B("InterruptModeration")
    // assignable devices and GPU partitions
    S("DeviceInstancePath") S("DeviceLocationPath") S("LocationPath") U16("FunctionNumber")
    B("RequireAcsSupport") B("RequireDeviceMitigations") S("DismountedDeviceInstancePath")
    S("MountedDeviceInstancePath") U16A("ValidPartitionCounts") U16("PartitionCount")
    U64("TotalVRAM") U64("AvailableVRAM") U64("MinPartitionVRAM") U64("MaxPartitionVRAM")
    U64("OptimalPartitionVRAM") U64("TotalEncode") U64("AvailableEncode") U64("MinPartitionEncode")
    U64("MaxPartitionEncode") U64("OptimalPartitionEncode") U64("TotalDecode")
    U64("AvailableDecode") U64("MinPartitionDecode") U64("MaxPartitionDecode")
    U64("OptimalPartitionDecode") U64("TotalCompute") U64("AvailableCompute")
    U64("MinPartitionCompute") U64("MaxPartitionCompute") U64("OptimalPartitionCompute")
    U16("PartitionId") S("PartitionVfLuid")
    // export
    U8("CopySnapshotConfiguration") B("CopyVmStorage") B("CopyVmRuntimeInformation")
    B("CreateVmExportSubdirectory") U8("CaptureLiveState") S("SnapshotVirtualSystem")
    U8("BackupIntent") B("ExportForLiveMigration") SA("ExcludedVirtualHardDisks")
    B("DisableDifferentialOfIgnoredStorage") S("DifferentialBackupBase")
    // jobs and errors
    U16("JobState") U32("JobRunTimes") S("JobStatus") U16("JobType") U16("PercentComplete")
    T("ElapsedTime") T("StartTime") T("ScheduledStartTime") T("TimeSubmitted")
    T("TimeBeforeRemoval") T("UntilTime") B("DeleteOnCompletion")
    B("Cancellable") U16("ErrorCode") S("ErrorDescription") S("ErrorSummaryDescription")
    U16("RecoveryAction") U16("LocalOrUtcTime") U32("Priority") S("Owner") S("Notify")
    S("OtherRecoveryAction") S("MessageID") S("Message") SA("MessageArguments") S("ErrorSource")
    U16("ErrorSourceFormat") U16("ErrorType") S("OtherErrorType") S("OtherErrorSourceFormat")
    S("OwningEntity") U16("PerceivedSeverity") U16("ProbableCause") S("ProbableCauseDescription")
    SA("RecommendedActions") U32("CIMStatusCode") S("CIMStatusCodeDescription") SA("Errors")
    // summary
    U16("NumberOfProcessors") SA("VirtualSwitchNames") U16("ProcessorLoad")
    U16A("ProcessorLoadHistory") U64("MemoryUsage") U16("Heartbeat") U64("UpTime")
    S("GuestOperatingSystem") U16("MemorySpareCapacity") S32("AvailableMemoryBuffer")
    B("Shielded") U16("IntegrationServicesVersionState") S("HostComputerSystemName")
    S("TestReplicaSystem") B("RdpEnhancedModeAvailable") B("EnhancedSessionModeAvailable")
    // key-value exchange
    SA("GuestExchangeItems") SA("GuestIntrinsicExchangeItems") SA("HostExchangeItems")
    SA("HostOnlyItems") S("Data") U16("Source")
    // outputs of methods
    U32("ReturnValue") R("Job") R("ImportedSystem") RA("ImportedSnapshots") R("ResultingSystem")
    RA("ResultingResourceSettings") R("ResultingSnapshot") IA("SummaryInformation")
    S("ErrorMessage") B("RebootNeeded") IA("deviceProperties")
    // parameters of methods
    R("PlannedSystem") R("AffectedSystem") R("AffectedConfiguration") R("ComputerSystem")
    R("SnapshotSettingData") R("AffectedSnapshot") RA("SettingData") U32A("RequestedInformation")
    SA("DefinitionFiles") S("SystemDefinitionFile") S("SnapshotFolder") B("GenerateNewSystemIdentifier")
    S("ExportDirectory") T("TimeoutPeriod") B("Force") S("Reason") S("DismountSettingData")
    S("ExportSettingData") S("SystemSettings") SA("devicePropertyKeys")
    // associations
    R("Antecedent") R("Dependent") R("GroupComponent") R("PartComponent") R("ManagedElement")
    R("AffectedElement") R("AffectingElement") U16A("ElementEffects")
    U16("IsCurrent") U16("IsDefault") U16("IsNext") U16("ValueRole") U16("ValueRange") B("Primordial")
    U64("Capacity") U64("Reserved")
    // plug and play
    S("PNPClass") S("ClassGuid") S("Manufacturer") B("Present") S("Service") SA("HardwareID")
    SA("CompatibleID") U32("ConfigManagerErrorCode") B("ConfigManagerUserConfig") S("PNPDeviceID")
    S("KeyName") S("key")
    // operating system, files, processes
    S("CSName") S("BuildNumber") S("CSDVersion") T("LastBootUpTime") T("LocalDateTime")
    S("OSArchitecture") U64("FreePhysicalMemory") U64("TotalVisibleMemorySize")
    U64("FreeVirtualMemory") U64("TotalVirtualMemorySize") U32("NumberOfProcesses")
    U32("NumberOfUsers") U16("OSType") U32("OperatingSystemSKU") U32("ProductType")
    S16("CurrentTimeZone") U16("ServicePackMajorVersion") U16("ServicePackMinorVersion")
    B("Primary") S("WindowsDirectory") S("SystemDirectory") S("SerialNumber")
    U32("AccessMask") B("Archive") B("Compressed") S("CompressionMethod") S("CSCreationClassName")
    T("CreationDate") S("Drive") S("EightDotThreeFileName") B("Encrypted") S("EncryptionMethod")
    S("Extension") S("FileName") U64("FileSize") S("FileType") S("FSCreationClassName") S("FSName")
    B("Hidden") U64("InUseCount") T("LastAccessed") T("LastModified") S("Path") B("Readable")
    B("System") B("Writeable") S("CommandLine") S("ExecutablePath") S("Handle") U32("ParentProcessId")
    U32("SessionId") U32("ThreadCount") U32("HandleCount") U64("WorkingSetSize")
    U64("TotalPhysicalMemory") U32("NumberOfLogicalProcessors") S("Domain") S("Workgroup")
    B("PartOfDomain") U16("DomainRole") S("Model") S("UserName")
};

static const struct entry of_pnp_property[] = { U32("Type") S("DeviceID") S("KeyName") S("key")
    // Data differs by subclass
    {"Data", TK_CIM_UNKNOWN, false}, {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_pnp_string[] = { S("Data") {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_pnp_strings[] = { SA("Data") {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_pnp_boolean[] = { B("Data") {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_pnp_uint8[] = { U8("Data") {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_pnp_uint16[] = { U16("Data") {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_pnp_uint32[] = { U32("Data") {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_pnp_uint64[] = { U64("Data") {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_pnp_datetime[] = { T("Data") {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_pnp_binary[] = { {"Data", TK_CIM_UINT8, true},
    {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_summary[] = { S("Notes") S("Version")
    {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_settings_define[] = { R("SettingData")
    {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_ethernet[] = { S("Address") {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_export[] = { S("SnapshotVirtualSystem")
    {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_cimv2_device[] = { S("OperationalStatus") U32("LastErrorCode")
    {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_process[] = { U32("ProcessId") U32("Priority")
    {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_computer[] = { U32("NumberOfProcessors")
    {NULL, TK_CIM_UNKNOWN, false} };
static const struct entry of_partitionable[] = { S("Name") {NULL, TK_CIM_UNKNOWN, false} };

#define DEVICE_KEYS {"CreationClassName", "DeviceID", "SystemCreationClassName", "SystemName"}
#define SERVICE_KEYS {"CreationClassName", "Name", "SystemCreationClassName", "SystemName"}
#define SYSTEM_KEYS {"CreationClassName", "Name"}
#define ID {"InstanceID"}

// Keys in the order in which WMI writes them: alphabetical.
static const struct class_entry classes[] = {
    {"CIM_ComputerSystem", NULL, SYSTEM_KEYS, NULL},
    {"Msvm_ComputerSystem", NULL, SYSTEM_KEYS, NULL},
    {"Msvm_PlannedComputerSystem", NULL, SYSTEM_KEYS, NULL},
    {"CIM_VirtualSystemSettingData", NULL, ID, NULL},
    {"Msvm_VirtualSystemSettingData", NULL, ID, NULL},
    {"Msvm_VirtualSystemManagementService", NULL, SERVICE_KEYS, NULL},
    {"Msvm_VirtualSystemSnapshotService", NULL, SERVICE_KEYS, NULL},
    {"Msvm_AssignableDeviceService", NULL, SERVICE_KEYS, NULL},
    {"CIM_ConcreteJob", NULL, ID, NULL},
    {"Msvm_ConcreteJob", NULL, ID, NULL},
    {"Msvm_StorageJob", NULL, ID, NULL},
    {"Msvm_MigrationJob", NULL, ID, NULL},
    {"Msvm_CollectionJob", NULL, ID, NULL},
    {"Msvm_Error", NULL, {NULL}, NULL},
    {"Msvm_KvpExchangeDataItem", NULL, {NULL}, NULL},
    {"Msvm_ShutdownComponent", NULL, DEVICE_KEYS, NULL},
    {"Msvm_HeartbeatComponent", NULL, DEVICE_KEYS, NULL},
    {"Msvm_KvpExchangeComponent", NULL, DEVICE_KEYS, NULL},
    {"Msvm_PciExpress", NULL, DEVICE_KEYS, NULL},
    {"Msvm_PartitionableGpu", NULL, {"Name"}, of_partitionable},
    {"Msvm_GpuPartition", NULL, DEVICE_KEYS, NULL},
    {"CIM_ResourceAllocationSettingData", NULL, ID, NULL},
    {"Msvm_ResourceAllocationSettingData", NULL, ID, NULL},
    {"Msvm_StorageAllocationSettingData", NULL, ID, NULL},
    {"Msvm_EthernetPortAllocationSettingData", NULL, ID, of_ethernet},
    {"Msvm_SyntheticEthernetPortSettingData", NULL, ID, of_ethernet},
    {"Msvm_EmulatedEthernetPortSettingData", NULL, ID, of_ethernet},
    {"Msvm_MemorySettingData", NULL, ID, NULL},
    {"Msvm_ProcessorSettingData", NULL, ID, NULL},
    {"Msvm_PciExpressSettingData", NULL, ID, NULL},
    {"Msvm_GpuPartitionSettingData", NULL, ID, NULL},
    {"Msvm_AssignableDeviceDismountSettingData", NULL, ID, NULL},
    {"Msvm_VirtualSystemExportSettingData", NULL, ID, of_export},
    {"Msvm_VirtualEthernetSwitch", NULL, SYSTEM_KEYS, NULL},
    {"Msvm_ResourcePool", NULL, ID, NULL},
    {"Msvm_SummaryInformation", NULL, ID, of_summary},
    {"Msvm_SummaryInformationBase", NULL, ID, of_summary},
    {"Msvm_AffectedJobElement", NULL, {"AffectedElement", "AffectingElement"}, NULL},
    {"Msvm_SettingsDefineState", NULL, {"ManagedElement", "SettingData"}, of_settings_define},
    {"Msvm_VirtualSystemSettingDataComponent", NULL, {"GroupComponent", "PartComponent"}, NULL},
    {"Win32_PnPEntity", NULL, {"DeviceID"}, of_cimv2_device},
    {"Win32_PnPDeviceProperty", NULL, {"DeviceID", "key"}, of_pnp_property},
    {"Win32_PnPDevicePropertyString", "Win32_PnPDeviceProperty", {NULL}, of_pnp_string},
    {"Win32_PnPDevicePropertyStringArray", "Win32_PnPDeviceProperty", {NULL}, of_pnp_strings},
    {"Win32_PnPDevicePropertyStringList", "Win32_PnPDeviceProperty", {NULL}, of_pnp_strings},
    {"Win32_PnPDevicePropertyBoolean", "Win32_PnPDeviceProperty", {NULL}, of_pnp_boolean},
    {"Win32_PnPDevicePropertyBinary", "Win32_PnPDeviceProperty", {NULL}, of_pnp_binary},
    {"Win32_PnPDevicePropertyUint8", "Win32_PnPDeviceProperty", {NULL}, of_pnp_uint8},
    {"Win32_PnPDevicePropertyUint16", "Win32_PnPDeviceProperty", {NULL}, of_pnp_uint16},
    {"Win32_PnPDevicePropertyUint32", "Win32_PnPDeviceProperty", {NULL}, of_pnp_uint32},
    {"Win32_PnPDevicePropertyUint64", "Win32_PnPDeviceProperty", {NULL}, of_pnp_uint64},
    {"Win32_PnPDevicePropertyDateTime", "Win32_PnPDeviceProperty", {NULL}, of_pnp_datetime},
    {"Win32_OperatingSystem", NULL, {"Name"}, NULL},
    {"Win32_ComputerSystem", NULL, {"Name"}, of_computer},
    {"Win32_Process", NULL, {"Handle"}, of_process},
    {"Win32_Service", NULL, {"Name"}, NULL},
    {"Win32_LogicalDisk", NULL, {"DeviceID"}, NULL},
    {"CIM_DataFile", NULL, {"Name"}, NULL},
    {"CIM_LogicalFile", NULL, {"Name"}, NULL},
    {"CIM_Directory", NULL, {"Name"}, NULL},
    {"Win32_Directory", NULL, {"Name"}, NULL},
};
// clang-format on

#define EVERYWHERE (sizeof everywhere / sizeof everywhere[0])
#define CLASSES    (sizeof classes / sizeof classes[0])

static uv_once_t once = UV_ONCE_INIT;
static const struct entry *sorted[EVERYWHERE];
static const struct class_entry *sorted_classes[CLASSES];

static int compare_entries(const void *a, const void *b)
{
    return tk_cim_compare_names((*(const struct entry *const *)a)->name,
                                (*(const struct entry *const *)b)->name);
}

static int compare_classes(const void *a, const void *b)
{
    return tk_cim_compare_names((*(const struct class_entry *const *)a)->name,
                                (*(const struct class_entry *const *)b)->name);
}

static void sort_tables(void)
{
    for (size_t i = 0; i < EVERYWHERE; i++) {
        sorted[i] = &everywhere[i];
    }
    qsort(sorted, EVERYWHERE, sizeof sorted[0], compare_entries);
    for (size_t i = 0; i < CLASSES; i++) {
        sorted_classes[i] = &classes[i];
    }
    qsort(sorted_classes, CLASSES, sizeof sorted_classes[0], compare_classes);
}

static const struct class_entry *find_class(const char *name)
{
    struct class_entry wanted = {.name = name};
    const struct class_entry *key = &wanted;
    const struct class_entry *const *found;

    if (!name) {
        return NULL;
    }
    uv_once(&once, sort_tables);
    found = bsearch(&key, sorted_classes, CLASSES, sizeof sorted_classes[0], compare_classes);
    return found ? *found : NULL;
}

static const struct entry *find_own(const struct class_entry *c, const char *property)
{
    for (; c; c = find_class(c->super)) {
        for (const struct entry *e = c->own; e && e->name; e++) {
            if (tk_cim_same_name(e->name, property)) {
                return e;
            }
        }
    }
    return NULL;
}

enum tk_cim_type tk_cim_known_type(const char *class_name, const char *property, bool *is_array)
{
    const struct entry *own = find_own(find_class(class_name), property);
    struct entry wanted = {.name = property};
    const struct entry *key = &wanted;
    const struct entry *const *found;

    *is_array = false;
    if (!own) {
        uv_once(&once, sort_tables);
        found = bsearch(&key, sorted, EVERYWHERE, sizeof sorted[0], compare_entries);
        own = found ? *found : NULL;
    }
    if (!own) {
        return TK_CIM_UNKNOWN;
    }
    *is_array = own->is_array;
    return own->type;
}

const char *const *tk_cim_known_keys(const char *class_name)
{
    const struct class_entry *c = find_class(class_name);

    while (c && !c->keys[0]) {
        c = find_class(c->super);
    }
    return c ? c->keys : NULL;
}
