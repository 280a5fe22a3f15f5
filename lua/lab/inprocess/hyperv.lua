-- The `hyperv` native on the simulated world (lua/meta/hyperv.lua says what each verb promises):
-- looks. What changes something is in hyperv_changes.lua. Each verb does what natives/hyperv_*.c
-- does, in the same order.
local calls = require("lab.inprocess.calls")
local failures = require("lab.inprocess.hyperv_failures")
local kept = require("lab.world.text").kept
local runs = require("lab.inprocess.hyperv_run")

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

-- The world's record, nil when there is none.
local function record_of(self, id, kind)
  local hypervisor = host(self)
  if kind == "registered" then
    return hypervisor:find(id)
  end
  return kind ~= "planned" and hypervisor:find(id) or hypervisor:find_planned(id)
end

-- What has to be there, as a script sees it.
local function class_of(kind)
  return kind == "planned" and "Msvm_PlannedComputerSystem" or "Msvm_ComputerSystem"
end

local function there(self, id, kind)
  return show(host(self), record_of(self, id, kind) or failures.not_found(id, kind))
end

function M.look_at(self, id, kind)
  return look(self, class_of(kind), there, id, kind)
end

-- As look_at; nil when there is none.
local function there_or_nil(self, id, kind)
  local record = record_of(self, id, kind)
  return record and show(host(self), record)
end

function M.find(self, id, kind)
  return look(self, class_of(kind), there_or_nil, id, kind)
end

function M.wrong_state(vm, wanted)
  calls.raise("HYPERV_STATE", string.format("%s is %s%s; %s", vm.name,
    vm.planned and "planned and " or "", vm.state, wanted), { target = vm.id })
end

function Hyperv:host()
  self.name = self.name or look(self, VSMS, function()
    local hypervisor = host(self)
    return hypervisor:shows_itself(VSMS) and hypervisor.node.host_name
      or calls.raise("WMI_NOT_FOUND", "the host shows no " .. VSMS)
  end)
  return { name = self.name }
end

local function all_registered(self)
  return show_all(self, host(self):vms())
end

function Hyperv:vms()
  return look(self, "Msvm_ComputerSystem", all_registered)
end

local function all_planned(self)
  return show_all(self, host(self):planned_vms())
end

function Hyperv:planned_vms()
  return look(self, "Msvm_PlannedComputerSystem", all_planned)
end

local function by_id(self, id)
  local found = host(self):find(id)
  return found and show(host(self), found) or nil
end

local function by_name(self, wanted)
  local found
  for _, vm in ipairs(host(self):vms()) do
    if vm.config.name:lower() == wanted:lower() then
      if found then
        calls.raise("HYPERV_AMBIGUOUS", "several virtual machines are named " .. wanted,
          { target = wanted })
      end
      found = vm
    end
  end
  return found and show(host(self), found) or nil
end

function Hyperv:find_vm(name_or_id)
  local wanted = type(name_or_id) == "table" and name_or_id.id or name_or_id
  local id = guid(wanted)
  return look(self, "Msvm_ComputerSystem", id and by_id or by_name, id or wanted)
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
  local config = (record_of(self, id, kind) or failures.not_found(id, kind)).config
  return {
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

function Hyperv:settings(vm)
  return look(self, "Msvm_VirtualSystemSettingData", settings_of, M.reference(vm))
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

-- Only where nothing was found of a machine it is asked whether there is one.
local function something(self, list, id, kind)
  if #list == 0 and not record_of(self, id, kind) then
    failures.not_found(id, kind)
  end
  return list
end

local function parts(self, vm, class, list, show_part)
  local id, kind = M.reference(vm)
  return look(self, class, function()
    local record, shown = host(self):any(id), {}
    for i, part in ipairs(record and host(self):shown(record.config[list]) or {}) do
      shown[i] = show_part(part)
    end
    return something(self, shown, id, kind)
  end)
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

local function assigned(self, id, kind)
  local hypervisor, list = host(self), {}
  local record = hypervisor:any(id)
  for i, one in ipairs(record and hypervisor:assignments(record) or {}) do
    local ids = ids_of(one.instance)
    list[i] = {
      id = one.id, instance = one.instance, location = one.present and one.location or nil,
      vendor = ids[1], device = ids[2], present = one.present,
    }
  end
  return something(self, list, id, kind)
end

function Hyperv:assigned(vm)
  return look(self, "Msvm_PciExpressSettingData", assigned, M.reference(vm))
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
  return look(self, "Msvm_GpuPartitionSettingData", function()
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
    return something(self, list, id, kind)
  end)
end

-- Whose guest is asked; whoever asks about nobody is told so.
local function guest_of(self, id, kind)
  return record_of(self, id, kind) or failures.not_found(id, kind)
end

local function heartbeat(self, id, kind)
  local number = host(self):heartbeat(guest_of(self, id, kind))
  return number and (heartbeats[number] or "error") or "none"
end

function Hyperv:heartbeat(vm)
  return look(self, "Msvm_HeartbeatComponent", heartbeat, M.reference(vm))
end

local function guest_items(self, id, kind)
  local items = host(self):guest_items(guest_of(self, id, kind)) or { intrinsic = {}, own = {} }
  local shown = { intrinsic = {}, own = {} }
  for _, group in ipairs({ "intrinsic", "own" }) do
    for _, item in ipairs(items[group]) do
      shown[group][item.name or item[1]] = item.value or item[2]
    end
  end
  return shown
end

function Hyperv:guest_items(vm)
  return look(self, "Msvm_KvpExchangeComponent", guest_items, M.reference(vm))
end

local function jobs(self)
  local list, hypervisor = {}, host(self)
  for _, job in ipairs(hypervisor:jobs()) do
    if job_states[job.state] then
      local vm = hypervisor:affected(job)
      list[#list + 1] = {
        id = job.id, type = job.type, state = job_states[job.state], name = job.kind,
        percent = hypervisor:percent(job), vm = vm and vm.id,
      }
    end
  end
  return list
end

function Hyperv:jobs()
  return look(self, "Msvm_ConcreteJob", jobs)
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
  }, Hyperv)
end

require("lab.inprocess.hyperv_changes")(Hyperv, M)

return M
