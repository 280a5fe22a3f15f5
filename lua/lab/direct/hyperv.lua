-- The `hyperv` native on the simulated world (lua/meta/hyperv.lua says what each verb promises):
-- looks. What changes something is in hyperv_changes.lua. Each verb does what natives/hyperv_*.c
-- does, in the same order.
local calls = require("lab.direct.calls")
local failures = require("lab.direct.hyperv_failures")
local kept = require("lab.world.text").kept
local runs = require("lab.direct.hyperv_run")

local M = {}

local JOB_TIMEOUT = 300 -- seconds
local VSMS = "Msvm_VirtualSystemManagementService"

local Hyperv = {}
Hyperv.__index = Hyperv

local host, look = runs.host, runs.look

local states = {
  [2] = "running", [3] = "off", [4] = "stopping", [6] = "saved", [9] = "paused", [10] = "starting",
  [11] = "starting", [32768] = "paused", [32769] = "saved", [32770] = "starting",
  [32773] = "saving", [32774] = "stopping", [32776] = "pausing", [32777] = "resuming",
  [32779] = "saved", [32780] = "saving",
}
local healths = { [5] = "ok", [20] = "major", [25] = "critical" }
local statuses = { [2] = "ok", [3] = "degraded", [5] = "predictive failure", [11] = "in service" }
local activities = {
  [32768] = "creating snapshot", [32769] = "applying snapshot", [32770] = "deleting snapshot",
  [32771] = "waiting to start", [32772] = "merging disks", [32773] = "exporting",
  [32774] = "migrating",
}
M.stop_actions = { [2] = "turn off", [3] = "save", [4] = "shut down" }
M.start_actions = { [2] = "none", [3] = "if was running", [4] = "always" }
M.checkpoints = {
  [2] = "disabled", [3] = "production with fallback", [4] = "production only", [5] = "standard",
}
local recovery_actions = { [2] = "none", [3] = "restart", [4] = "revert" }
local heartbeats = {
  [2] = "ok", [3] = "degraded", [12] = "no contact", [13] = "lost", [15] = "paused",
}
local job_states = {
  [2] = "new", [3] = "starting", [4] = "running", [5] = "suspended", [6] = "shutting down",
}

-- "{d8f0...}" or "d8f0...": upper case without braces; false when it is no GUID.
local guid = kept(function(text)
  local id = text:match("^{(.*)}$") or text
  return id:find("^%x+%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x+$") and #id == 36 and id:upper()
end)

-- The machine that is meant: its id, and "registered" or "planned" when the caller says so.
function M.reference(vm)
  local id = type(vm) == "table" and vm.id or vm
  id = type(id) == "string" and guid(id)
  if not id then
    error("a virtual machine (a table with its id) or its GUID is needed", 3)
  end
  if type(vm) == "table" and vm.planned ~= nil then
    return id, vm.planned and "planned" or "registered"
  end
  return id
end

function M.state_of(hypervisor, vm)
  local number = hypervisor:enabled_state(vm)
  return states[number] or (number >= 32781 and "critical" or "unknown")
end

local function show(hypervisor, vm)
  local operational = hypervisor:operational(vm)
  return {
    id = vm.id, name = vm.config.name, planned = vm.planned or false,
    state = M.state_of(hypervisor, vm), health = healths[hypervisor:health(vm)] or "unknown",
    status = statuses[operational[1]] or "unknown", uptime = hypervisor:uptime(vm),
    activity = activities[operational[2]],
  }
end

local function show_all(self, list)
  local hypervisor, shown = host(self), {}
  for i, vm in ipairs(list) do
    shown[i] = show(hypervisor, vm)
  end
  return shown
end

-- The world's record, nil when there is none: for what other classes than systems show.
local function record_of(self, id, kind)
  local hypervisor = host(self)
  if kind == "planned" then
    return hypervisor:find_planned(id)
  end
  local record = hypervisor:any(id)
  return record and not (kind == "registered" and record.planned) and record or nil
end

-- What has to be there, as a script sees it.
local function class_of(kind)
  return kind == "planned" and "Msvm_PlannedComputerSystem" or "Msvm_ComputerSystem"
end

-- nil when the host shows none.
local function there_or_nil(self, id, kind)
  local hypervisor = host(self)
  local record = kind ~= "planned" and hypervisor:find(id)
    or kind ~= "registered" and hypervisor:find_planned(id)
  return record and show(hypervisor, record) or nil
end

function M.find(self, id, kind)
  return look(self, class_of(kind), there_or_nil, id, kind)
end

local find_registered

-- That it is not registered needs two witnesses.
function M.look_at(self, id, kind)
  return M.find(self, id, kind) or kind ~= "planned" and find_registered(self, id)[1]
    or failures.not_found(id, kind)
end

function M.wrong_state(vm, wanted)
  calls.raise("HYPERV_STATE", string.format("%s is %s%s; %s", vm.name,
    vm.planned and "planned and " or "", vm.state, wanted), { target = vm.id })
end

function Hyperv:host()
  runs.know_service(self, VSMS)
  return { name = self.seen_host }
end

---- which machines there are --------------------------------------------------------------------

local SYSTEMS, PLANNED = "Msvm_ComputerSystem", "Msvm_PlannedComputerSystem"

-- Looks give rows, as the wire does: what is made of them comes after the look, so that a fault may
-- leave some out.
local function systems(self)
  local hypervisor = host(self)
  local rows = show_all(self, hypervisor:vms())
  if hypervisor:shows_itself(SYSTEMS) then
    table.insert(rows, 1, { host = hypervisor.node.host_name })
  end
  return rows
end

-- The list without the host, which must be in it; an account that sees no machine must see the
-- management service.
local function list_all(self)
  local rows, list, name = look(self, SYSTEMS, systems), {}, nil
  for _, row in ipairs(rows) do
    if row.host then
      name = row.host
    else
      list[#list + 1] = row
    end
  end
  if not name then
    failures.empty("the list of virtual machines does not even show the host")
  end
  runs.check_host(self, name)
  if #list == 0 then
    runs.know_service(self, VSMS)
  end
  return list
end

local function with_id(list, id)
  for _, vm in ipairs(list) do
    if vm.id == id then
      return vm
    end
  end
end

local function planned_rows(self, id)
  return show_all(self, id and { host(self):find_planned(id) } or host(self):planned_vms())
end

-- Compares the list with the processes of machines that are on, and notes them in it. `only`: the
-- one machine that is asked for, to whom others do not matter.
local function confirm(self, list, only)
  for _, worker in ipairs(self:workers()) do
    local vm = worker.id and with_id(list, worker.id)
    if vm then
      vm.process = worker.process
    elseif worker.id and (only or #look(self, PLANNED, planned_rows, worker.id) == 0) then
      if not only or only == worker.id then
        failures.empty(("the host lists %d virtual machines, but not %s, whose process (vmwp.exe, "
          .. "%d) is there"):format(#list, worker.id, worker.process), worker.id)
      end
    elseif not worker.id then
      failures.empty(("the process %d (vmwp.exe) is of none of the %d virtual machines that the "
        .. "host lists, and its command line may not be read"):format(worker.process, #list))
    end
  end
  return list
end

function Hyperv:vms()
  return confirm(self, list_all(self))
end

function Hyperv:planned_vms()
  local rows = look(self, PLANNED, planned_rows)
  if #rows == 0 then
    runs.check_sight(self, "planned virtual machine")
  end
  return rows
end

local processes = {
  kind = "wmi", verb = "Enumerate", class = "Win32_Process", namespace = "root/cimv2",
  change = false,
}

local function process_rows(self)
  return host(self):processes()
end

function Hyperv:workers()
  local call = self.looks.Win32_Process or setmetatable({
    target = self.node, actor = self.actor,
  }, { __index = processes })
  self.looks.Win32_Process = call
  local list, service = {}, false
  for _, row in ipairs(calls.outside(self.world, call, process_rows, self)) do
    if row.id then
      list[#list + 1] = { process = row.process, id = row.id }
    else
      service = true
    end
  end
  if not service then
    failures.empty("Windows lists no process vmms.exe on this host, so that nothing tells which "
      .. "virtual machines are on")
  end
  return list
end

local function rows_by_id(self, id)
  local found = host(self):find(id)
  return found and { show(host(self), found) } or {}
end

local function same_name(vm, wanted)
  return vm.name:lower() == wanted:lower()
end

local function rows_by_name(self, wanted)
  local list = {}
  for _, vm in ipairs(host(self):vms()) do
    if vm.config.name:lower() == wanted:lower() then
      list[#list + 1] = show(host(self), vm)
    end
  end
  return list
end

local function those_named(list, wanted)
  local found = {}
  for _, vm in ipairs(list) do
    found[#found + 1] = same_name(vm, wanted) and vm or nil
  end
  return found
end

-- Registered machines of that id or name. The first look of a handle is at the whole list, because
-- that tells which host answers; later ones are at the machine alone, unless it was not there. That
-- there is none is told by the whole list, too, and by the processes.
function find_registered(self, id, name)
  local known, found = self.seen_host ~= nil and not (id and self.absent == id), {}
  if known or not id then
    found = look(self, SYSTEMS, id and rows_by_id or rows_by_name, id or name)
  end
  if known and #found > 0 then
    return found
  end
  local all = list_all(self)
  if #found == 0 then
    found = id and { with_id(all, id) } or not id and those_named(all, name) or {}
    if #found == 0 then
      confirm(self, all, id)
    end
  end
  if id then
    self.absent = #found == 0 and id or nil
  end
  return found
end

function Hyperv:find_vm(name_or_id)
  local wanted = type(name_or_id) == "table" and name_or_id.id or name_or_id
  local found = find_registered(self, guid(wanted) or nil, wanted)
  if #found > 1 then
    calls.raise("HYPERV_AMBIGUOUS", "several virtual machines are named " .. wanted,
      { target = wanted })
  end
  return found[1]
end

function Hyperv:vm(name_or_id)
  local wanted = type(name_or_id) == "table" and name_or_id.id or name_or_id
  return self:find_vm(wanted) or failures.not_found(wanted)
end

local function size(mib)
  if mib <= 0 then
    return nil
  end
  return mib % 1024 == 0 and string.format("%dGiB", mib // 1024) or string.format("%dMiB", mib)
end

local function settings_of(self, id, kind)
  local record = record_of(self, id, kind)
  local config = record and record.config
  return config and {
    stop_action = M.stop_actions[config.stop_action] or "unknown",
    start_action = M.start_actions[config.start_action] or "unknown",
    recovery_action = recovery_actions[config.recovery_action],
    checkpoints = M.checkpoints[config.checkpoints],
    cache_types = config.cache_types, low_mmio = size(config.low_mmio),
    high_mmio = size(config.high_mmio), saved_state = config.is_saved or false,
    root = config.root, file = "Virtual Machines\\" .. id .. ".vmcx",
    snapshot_root = config.snapshot_root, version = config.version,
    generation = config.generation, dynamic_memory = config.dynamic_memory,
  }
end

-- A machine that is there has settings.
function M.no_settings(self, id, kind)
  M.look_at(self, id, kind)
  failures.empty("the host shows the virtual machine " .. id .. ", but no settings of it", id)
end

function Hyperv:settings(vm)
  local id, kind = M.reference(vm)
  return look(self, "Msvm_VirtualSystemSettingData", settings_of, id, kind)
    or M.no_settings(self, id, kind)
end

-- Hyper-V says the same of a file in use and of one that is not there; files are asked for
-- elsewhere.
function M.explain_file(self, failed, file)
  if failed.code == "HYPERV_IN_USE" and self.world:reachable(self.node)
    and not self.world:at(self.node).files:find(file) then
    return failures.as(failed, "HYPERV_NO_DEFINITION")
  end
  return failed
end

function Hyperv:definition(file)
  return runs.explained(function(failed)
    return M.explain_file(self, failed, file)
  end, function()
    return runs.ask(self, VSMS, "GetDefinitionFileSummaryInformation", file, function()
      local found = host(self):definition_summary({ file })[1]
      return found and 0 or 32779, nil, found and { id = found.id, name = found.name }
    end)
  end)
end

-- Is it on? Only what is known to be off or saved is not.
local function is_on(vm)
  if vm.state == "critical" then
    return vm.uptime ~= 0
  end
  return vm.state ~= "off" and vm.state ~= "saved"
end

-- Only where nothing was found of a machine it is asked whether there is one.
local function something(self, list, id, kind)
  if #list == 0 then
    M.look_at(self, id, kind)
  end
  return list
end

local function parts(self, vm, class, list, show_part)
  local id, kind = M.reference(vm)
  return something(self, look(self, class, function()
    local record, shown = host(self):any(id), {}
    for i, part in ipairs(record and host(self):shown(record.config[list]) or {}) do
      shown[i] = show_part(part)
    end
    return shown
  end), id, kind)
end

function Hyperv:disks(vm)
  return parts(self, vm, "Msvm_StorageAllocationSettingData", "disks", function(disk)
    return { id = disk.id, path = disk.path, kind = disk.kind or "disk" }
  end)
end

function Hyperv:adapters(vm)
  return parts(self, vm, "Msvm_EthernetPortAllocationSettingData", "adapters", function(adapter)
    return {
      id = adapter.id, name = adapter.name, switch = adapter.switch,
      connected = adapter.connected,
      present = adapter.connected and host(self):has_switch(adapter.switch),
    }
  end)
end

local function assignable(self)
  local list, by_location = {}, {}
  for _, record in ipairs(host(self):assignable()) do
    local device = by_location[record.location]
    if not device then
      device = {
        location = record.location, instance = record.instance, vendor = record.vendor,
        device = record.device, in_use = false,
      }
      by_location[record.location] = device
      list[#list + 1] = device
    end
    device.in_use = device.in_use or record.vm ~= nil
  end
  return list
end

function Hyperv:assignable_devices()
  return look(self, "Msvm_PciExpress", assignable)
end

-- Vendor and device of an instance id: { "10de", "1f08" }, empty where it names none.
local ids_of = kept(function(instance)
  local vendor, device = instance:match("[Vv][Ee][Nn]_(%x+)&[Dd][Ee][Vv]_(%x+)")
  return { vendor and vendor:lower(), device and device:lower() }
end)

local function assigned(self, id)
  local hypervisor, list = host(self), {}
  local record = hypervisor:any(id)
  for i, one in ipairs(record and hypervisor:assignments(record) or {}) do
    local ids = ids_of(one.instance)
    list[i] = {
      id = one.id, instance = one.instance, location = one.present and one.location or nil,
      vendor = ids[1], device = ids[2], present = one.present,
    }
  end
  return list
end

-- Records by which the machine itself has devices of the host.
local function held_rows(self, id)
  local list = {}
  for _, record in ipairs(host(self):assignable()) do
    list[#list + 1] = record.vm == id and record or nil
  end
  return list
end

-- A machine that is on must not have more devices than its settings name.
function Hyperv:assigned(vm)
  local id, kind = M.reference(vm)
  local list = look(self, "Msvm_PciExpressSettingData", assigned, id)
  local there = #list == 0 and M.look_at(self, id, kind)
  if not there or is_on(there) then
    local held = #look(self, "Msvm_PciExpress", held_rows, id)
    there = held > #list and (there or M.look_at(self, id, kind))
    if there and is_on(there) then
      failures.empty(("the settings of %s name %d devices, but it has %d"):format(there.name, #list,
        held), id)
    end
  end
  return list
end

local function assignments(self)
  local hypervisor, all = host(self), {}
  for _, list in ipairs({ hypervisor:vms(), hypervisor:planned_vms() }) do
    for _, record in ipairs(list) do
      local named = assigned(self, record.id)
      all[record.id] = #named > 0 and { assigned = named, held = 0 } or nil
    end
  end
  return all
end

local function assignable_and_held(self)
  local held, counted = {}, {}
  for _, record in ipairs(host(self):assignable()) do
    if record.vm and not counted[record.location] then
      counted[record.location] = true
      held[record.vm] = (held[record.vm] or 0) + 1
    end
  end
  return assignable(self), held
end

-- Of all machines, with the list of assignable devices.
function Hyperv:assignments()
  local all = look(self, "Msvm_PciExpressSettingData", assignments)
  local devices, held = look(self, "Msvm_PciExpress", assignable_and_held)
  for id, count in pairs(held) do
    all[id] = all[id] or { assigned = {} }
    all[id].held = count
  end
  return all, devices
end

local function amount(bytes)
  for _, unit in ipairs({ { "TiB", 40 }, { "GiB", 30 }, { "MiB", 20 }, { "KiB", 10 } }) do
    if bytes > 0 and bytes % (1 << unit[2]) == 0 then
      return string.format("%d%s", bytes >> unit[2], unit[1])
    end
  end
  return string.format("%dB", bytes)
end

function Hyperv:partitionable_gpus()
  return look(self, "Msvm_PartitionableGpu", function()
    local list = {}
    for i, gpu in ipairs(host(self):partitionable()) do
      list[i] = {
        name = gpu.name, instance = gpu.entry.id, vendor = gpu.entry.fn.vendor,
        device = gpu.entry.fn.device, partitions = gpu.most,
        counts = table.move(gpu.counts, 1, #gpu.counts, 1, {}), total_vram = amount(gpu.total),
        available_vram = amount(gpu.free), min_vram = amount(0), max_vram = amount(gpu.total),
        optimal_vram = amount(gpu.part),
      }
    end
    return list
  end)
end

function Hyperv:partitions(vm)
  local id, kind = M.reference(vm)
  return something(self, look(self, "Msvm_GpuPartitionSettingData", function()
    local hypervisor, list = host(self), {}
    local record, present = hypervisor:any(id), {}
    for _, gpu in ipairs(hypervisor:partitionable()) do
      present[gpu.name] = true
    end
    for i, one in ipairs(record and hypervisor:shown(record.config.partitions) or {}) do
      list[i] = {
        id = one.id, gpu = one.gpu, present = one.gpu == nil or present[one.gpu] or false,
        vram = amount(one.amount),
      }
    end
    return list
  end), id, kind)
end

-- Only where no guest was found it is asked whether there is such a machine.
local function heartbeat(self, id, kind)
  local record = record_of(self, id, kind)
  local number = record and host(self):heartbeat(record)
  return number and (heartbeats[number] or "error") or nil
end

function Hyperv:heartbeat(vm)
  local id, kind = M.reference(vm)
  local word = look(self, "Msvm_HeartbeatComponent", heartbeat, id, kind)
  return word or M.look_at(self, id, kind) and "none"
end

local function guest_items(self, id, kind)
  local record = record_of(self, id, kind)
  local items, shown = record and host(self):guest_items(record), { intrinsic = {}, own = {} }
  for _, group in ipairs(items and { "intrinsic", "own" } or {}) do
    for _, item in ipairs(items[group]) do
      shown[group][item.name or item[1]] = item.value or item[2]
    end
  end
  return items and shown or nil
end

function Hyperv:guest_items(vm)
  local id, kind = M.reference(vm)
  local items = look(self, "Msvm_KvpExchangeComponent", guest_items, id, kind)
  return items or M.look_at(self, id, kind) and { intrinsic = {}, own = {} }
end

local function jobs(self)
  local list, hypervisor = {}, host(self)
  for _, job in ipairs(hypervisor:jobs()) do
    if job_states[job.state] then
      local vm = hypervisor:affected(job)
      list[#list + 1] = {
        id = job.id, type = job.type, state = job_states[job.state], name = job.kind,
        percent = hypervisor:percent(job), vm = vm and vm.id,
        age = math.floor(self.world.clock.time - job.begin),
      }
    end
  end
  return list
end

function Hyperv:jobs()
  local list = look(self, "Msvm_ConcreteJob", jobs)
  if #list == 0 then
    runs.check_sight(self, "job")
  end
  return list
end

-- What the job found is an answer, not a failure; also without a word of why.
function Hyperv:validate(planned)
  local id = M.reference(planned)
  M.look_at(self, id, "planned")
  local _, job, failed = runs.ask(self, VSMS, "ValidatePlannedSystem", id, function()
    return host(self):validate_planned(id)
  end)
  local problems = {}
  for i, one in ipairs(job and job.state ~= 7 and job.errors or {}) do
    problems[i] = {
      code = tostring(one.id):match("%d+") or tostring(one.id), message = one.text,
      source = one.source,
    }
  end
  if failed and #problems == 0 then
    if failed.code ~= "HYPERV_INVALID" then
      error(failed, 0)
    end
    problems[1] = { code = tostring(failed.hresult or 0), message = failed.message }
  end
  return { ok = #problems == 0, problems = problems }
end

function Hyperv:close() end

function M.open(world, node, actor, options)
  return setmetatable({
    world = world, node = node, place = world:node(node), actor = actor, services = {}, looks = {},
    job_timeout = options and options.job_timeout or JOB_TIMEOUT,
    expected = options and options.host, called = options and (options.node or options.host),
  }, Hyperv)
end

require("lab.direct.hyperv_changes")(Hyperv, M)

return M
