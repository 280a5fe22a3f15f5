---@meta
-- Hyper-V on one host (root\virtualization\v2), docs/facts/hyperv-wmi.md#1 and #2. Virtual machines are keyed by GUID (upper case);
-- wherever a vm is wanted, a table with field `id` or the GUID itself will do.

hyperv = {}

---@alias VmState "running"|"off"|"saved"|"paused"|"starting"|"stopping"|"saving"|"pausing"|"resuming"|"critical"|"unknown"

---@class Vm
---@field id string GUID, upper case
---@field name string
---@field state VmState
---@field health "ok"|"major"|"critical"|"unknown"
---@field status "ok"|"degraded"|"predictive failure"|"in service"|"unknown" degraded: configuration storage not reachable
---@field activity string? "exporting", "migrating", ... (second operational status)
---@field uptime number? seconds
---@field planned boolean
---@field process integer? of vmwp.exe, as Windows has it; told by vms alone, nil: there is none

---@class VmSettings
---@field stop_action "turn off"|"save"|"shut down"|"unknown"
---@field start_action "none"|"if was running"|"always"|"unknown"
---@field recovery_action string? "none", "restart", "revert"
---@field cache_types boolean? GuestControlledCacheTypes; nil where the host does not know it
---@field low_mmio string?  "3GiB"
---@field high_mmio string? "33280MiB"
---@field saved_state boolean the configuration names a saved state
---@field root string? ConfigurationDataRoot
---@field file string? ConfigurationFile, relative
---@field snapshot_root string?
---@field generation integer?
---@field version string?
---@field checkpoints string? "disabled", "production with fallback", "production only", "standard"
---@field dynamic_memory boolean?

---@class HostDevice an assignable (dismounted) device
---@field location string  PCIROOT(..)...
---@field instance string  PCIP\VEN_...
---@field vendor string?
---@field device string?
---@field in_use boolean a VM has it (a second record with the same location exists)

---@class Assignment
---@field id string instance id of the setting
---@field location string? nil when the device is gone
---@field instance string?
---@field vendor string?
---@field device string?
---@field present boolean false: an orphan, the device it names is no longer there

---@class PartitionableGpu a card of the host that can be shared (GPU partitioning)
---@field name string "\\\\?\\PCI#VEN_10DE&...\\GPUPARAV"
---@field instance string? "PCI\\VEN_10DE&...", as the name tells it
---@field vendor string?
---@field device string?
---@field partitions integer into how many parts it is divided
---@field counts integer[] into how many it can be
---@field total_vram string? "6GiB"; amounts are the driver's own, bytes where it tells bytes. nil: not told
---@field available_vram string?
---@field min_vram string? of one part
---@field max_vram string?
---@field optimal_vram string?

---@class Partition a machine's share of a GPU
---@field id string instance id of the setting
---@field gpu string? name of the card; nil: any
---@field present boolean false: it names a card that is not there
---@field vram string? "4GiB"; "0B": what the driver gives

---@class HypervJob an operation of this host that has not ended, whoever started it
---@field id string
---@field type integer? JobType: 12 start, 13 power off, 61 import, 62 export, 141 realize, 260 mount or dismount of a device, ...
---@field state "new"|"starting"|"running"|"suspended"|"shutting down"
---@field percent integer
---@field age integer? seconds since it began, where the host tells it
---@field name string? the host's own words
---@field vm string? GUID, upper case, of the registered or planned machine it works on; nil: none (type 260), or not told

---@class Hyperv
local Hyperv = {}

-- On a connection to root/virtualization/v2 (shared, not taken). A failure of a verb keeps the host's own words in `message` and its HRESULT
-- or return value in `hresult`; `target` is the machine, file or location.
--
-- What is not listed counts only where the answer shows that the asker can see. WMI_EMPTY: the list of machines lacks the host itself, or a
-- machine whose process Windows shows; a list that may be empty is, and so is that of the management service; a machine that is on has more
-- devices than its settings name. WMI_OTHER_HOST: the host says another name than `host`, the part before the first dot, without case, as far
-- as NetBIOS has it (15 characters).
---@param connection Wmi
---@param options { job_timeout: number?, host: string?, node: string? }?   job_timeout: seconds that a job may take, default 300; host: the name that the host must say of itself; node: what parameters.lua calls it, for messages
---@return Hyperv
function hyperv.open(connection, options) end

---@return { name: string }
function Hyperv:host() end
-- Registered ones, as Hyper-V's list and Windows' processes together have it. Raises WMI_EMPTY where the list shows less than the processes.
---@return Vm[]
function Hyperv:vms() end
---@return Vm[]
function Hyperv:planned_vms() end
-- Processes (vmwp.exe) of machines that are on, as Windows (root/cimv2) lists them: also where Hyper-V lists no machine. id: GUID, upper case;
-- nil: the account may not read its command line. Raises WMI_EMPTY where the list lacks the management service's own process.
---@return { process: integer, id: string? }[]
function Hyperv:workers() end
-- By GUID or by name. vm raises HYPERV_VM_NOT_FOUND, HYPERV_AMBIGUOUS; find_vm gives nil when there is none, of which the whole list and the
-- processes are asked, too.
---@return Vm
function Hyperv:vm(name_or_id) end
---@return Vm?
function Hyperv:find_vm(name_or_id) end
-- Of a realized or planned VM.
---@return VmSettings
function Hyperv:settings(vm) end

-- Reads id and name from a .vmcx without importing. Raises HYPERV_NO_DEFINITION.
---@param file string
---@return { id: string, name: string }
function Hyperv:definition(file) end

-- ImportSystemDefinition, keeping the id: gives a planned VM. Raises HYPERV_EXISTS, HYPERV_IN_USE, HYPERV_NO_DEFINITION. snapshots: where
-- the checkpoints are, else the folder Snapshots beside "Virtual Machines".
---@param file string .vmcx
---@param options { snapshots: string? }?
---@return Vm planned
function Hyperv:import(file, options) end
-- ModifySystemSettings with only the changed properties; on planned VMs also root, snapshot_root, swap_root (docs/facts/hyperv-wmi.md#1.6).
-- Does nothing where all is already so. Sizes are whole MiB. Raises HYPERV_STATE for what needs the machine off, or planned.
---@param vm Vm|string
---@param settings { stop_action: string?, start_action: string?, cache_types: boolean?, low_mmio: string?, high_mmio: string?, root: string?, snapshot_root: string?, swap_root: string?, checkpoints: string? }
---@return boolean changed
function Hyperv:configure(vm, settings) end
-- Virtual disks of a VM or planned VM.
---@return { id: string, path: string, kind: "disk"|"iso" }[]
function Hyperv:disks(vm) end
---@return boolean changed
function Hyperv:relink_disk(vm, disk_id, path) end
-- Network adapters. present: its switch exists on this host.
---@return { id: string, name: string?, switch: string?, connected: boolean, present: boolean }[]
function Hyperv:adapters(vm) end
---@return boolean changed
function Hyperv:disconnect_adapter(vm, adapter_id) end
-- ValidatePlannedSystem. Never raises for what it finds; code: the digits of the host's message id ("40004").
---@return { ok: boolean, problems: { code: string, message: string, source: string? }[] }
function Hyperv:validate(planned) end
-- RealizePlannedSystem.
---@return Vm
function Hyperv:realize(planned) end
-- DestroySystem on a planned VM. False when there is none.
---@return boolean changed
function Hyperv:discard(planned) end
-- DestroySystem on a registered VM: THE CONFIGURATION FILES IT CAN REACH ARE DELETED with it (disks stay). VM must be off or saved.
---@return boolean changed
function Hyperv:unregister(vm) end
-- Configuration only, unless with_disks.
---@param options { with_disks: boolean?, subdirectory: boolean? }?
function Hyperv:export(vm, directory, options) end

-- RequestStateChange(2). False when it runs already or is on its way. Raises HYPERV_DEVICE_GONE (an assigned device is not there),
-- HYPERV_ACCESS, HYPERV_RESOURCES.
---@return boolean changed
function Hyperv:start(vm) end
-- Asks the guest to shut down and returns when the guest has taken the request; off comes later. False when it is off or shutting down.
-- Raises HYPERV_GUEST when the guest does not listen.
---@param options { force: boolean?, reason: string? }?
---@return boolean changed
function Hyperv:shutdown(vm, options) end
-- RequestStateChange(3), also of a saved VM, whose saved state is lost. False when it is off.
---@return boolean changed
function Hyperv:turn_off(vm) end
-- Saved -> off. Registered or planned VM.
---@return boolean changed
function Hyperv:clear_saved_state(vm) end

-- Dismounted devices of the host. May lag behind a dismount.
---@return HostDevice[]
function Hyperv:assignable_devices() end
-- Takes the device from the host (driver must be disabled). force: without ACS and mitigation directives. False when it is already so.
-- Raises HYPERV_NOT_ASSIGNABLE with a hint, HYPERV_IN_USE (driver), HYPERV_DEVICE_GONE.
---@param device { instance: string?, location: string, force: boolean? }
---@return boolean changed
function Hyperv:dismount(device) end
-- Gives it back to the host (it comes back disabled). False when it is not listed; with a PCIP\ instance, which the caller has seen, the
-- list is given time to catch up. Raises HYPERV_IN_USE where a VM has it.
---@param device { instance: string?, location: string }
---@return boolean changed
function Hyperv:mount(device) end
---@return Assignment[]
function Hyperv:assigned(vm) end
-- What all machines have, registered and planned, by GUID, in two requests; and what assignable_devices gives. held: devices that the
-- host's own records show with the machine; more than its settings name means that these are not all. A machine without any has no entry.
---@return table<string, { assigned: Assignment[], held: integer }>, HostDevice[]
function Hyperv:assignments() end
-- VM off (else HYPERV_STATE), device dismounted. False when exactly this device is already assigned to this VM. Waits up to 2.5 s for a
-- list of assignable devices that lags behind. Raises HYPERV_NOT_ASSIGNABLE, HYPERV_IN_USE (another VM has it), HYPERV_DEVICE_GONE.
---@param location string
---@return boolean changed
function Hyperv:assign(vm, location) end
-- By assignment id, also of a device that is gone; VM off. False when it is already gone.
---@return boolean changed
function Hyperv:unassign(vm, assignment_id) end

-- Cards of the host that can be shared: present, with their driver at work. Empty on a host that knows no GPU partitioning.
---@return PartitionableGpu[]
function Hyperv:partitionable_gpus() end
-- A machine's shares.
---@return Partition[]
function Hyperv:partitions(vm) end
-- Gives the machine, which must be off (else HYPERV_STATE), a share. vram "0B": what the driver gives. False when it has exactly this one;
-- raises HYPERV_EXISTS when its share of this card has another size, HYPERV_DEVICE_GONE when there is no such card. That there is room is seen at
-- the start of the machine (HYPERV_RESOURCES).
---@param share { gpu: string?, vram: string }
---@return boolean changed
function Hyperv:add_partition(vm, share) end
-- By partition id; VM off. False when it is already gone.
---@return boolean changed
function Hyperv:remove_partition(vm, partition_id) end

---@return "ok"|"degraded"|"no contact"|"lost"|"paused"|"error"|"none" none: VM off, or the service is not there
function Hyperv:heartbeat(vm) end
-- Key-value items of the guest: intrinsic (OSName, ...) and its own.
---@return { intrinsic: table<string,string>, own: table<string,string> }
function Hyperv:guest_items(vm) end

-- Jobs of this host that have not ended; one that ends meanwhile may be left out.
---@return HypervJob[]
function Hyperv:jobs() end

function Hyperv:close() end

return hyperv
