-- The `hyperv` native on the simulated world (lua/meta/hyperv.lua says what each verb promises).
local calls = require("lab.inprocess.calls")
local scheduler = require("host.scheduler")

local M = {}

local JOB_TIMEOUT, JOB_POLL = 300, 0.5 -- seconds

local Hyperv = {}
Hyperv.__index = Hyperv

local states = {
  [2] = "running", [3] = "off", [4] = "stopping", [6] = "saved", [9] = "paused", [10] = "starting",
  [32773] = "saving", [32776] = "pausing", [32777] = "resuming", [32779] = "saved",
    [32780] = "saving",
}
local healths = { [5] = "ok", [20] = "major", [25] = "critical" }
local statuses = { [2] = "ok", [3] = "degraded", [5] = "predictive failure", [11] = "in service" }
local activities = {
  [32768] = "creating snapshot", [32769] = "applying snapshot", [32770] = "deleting snapshot",
  [32771] = "waiting to start", [32772] = "merging disks", [32773] = "exporting",
    [32774] = "migrating",
}
local stop_actions = { [2] = "turn off", [3] = "save", [4] = "shut down" }
local start_actions = { [2] = "none", [3] = "if was running", [4] = "always" }
local recovery_actions = { [2] = "none", [3] = "restart", [4] = "revert" }
local checkpoints = {
  [2] = "disabled", [3] = "production with fallback", [4] = "production only", [5] = "standard",
}
local heartbeats = {
  [2] = "ok", [3] = "degraded", [7] = "error", [12] = "no contact", [13] = "lost", [15] = "paused",
}

local function number_of(words, word)
  for number, name in pairs(words) do
    if name == word then
      return number
    end
  end
end

local function id_of(vm)
  return (type(vm) == "table" and vm.id or vm):upper()
end

local function host(self)
  return self.world:node(self.node).hyperv
end

local function call(self, change, info, act)
  info.namespace = "root/virtualization/v2"
  return calls.outside(self.world, {
    kind = "wmi", target = self.node, change = change, actor = self.actor, info = info,
  }, act)
end

local function look(self, class, act)
  return call(self, false, { verb = "Enumerate", class = class }, act)
end

-- ---- methods and their jobs
-- -------------------------------------------------------------------------

local return_words = {
  [1] = "not supported", [2] = "failed", [3] = "timeout", [4] = "invalid parameter",
    [5] = "invalid state",
  [4097] = "invalid transition", [4099] = "busy", [32768] = "failed", [32769] = "access denied",
  [32770] = "not supported", [32772] = "timeout", [32773] = "invalid parameter",
    [32774] = "system in use",
  [32775] = "invalid state", [32777] = "system not available", [32778] = "out of memory",
  [32779] = "file in use",
}

-- What the native makes of well-known errors, by number and by text.
local function known_error(number, text)
  local lower = (text or ""):lower()
  if number == 0x80070490 or lower:find("element not found", 1, true) then
    return "HYPERV_DEVICE_GONE"
  elseif number == 0x80070005 or lower:find("access denied", 1, true) then
    return "HYPERV_ACCESS"
  elseif number == 0x8007000E or number == 0x800705AA then
    return "HYPERV_RESOURCES"
  elseif lower:find("already exists", 1, true) then
    return "HYPERV_EXISTS"
  elseif number == 32779 or number == 32774 or lower:find("in use", 1, true) then
    return "HYPERV_IN_USE"
  elseif number == 32775 or number == 4097 or number == 5 then
    return "HYPERV_STATE"
  elseif number == 0x80070032 or text and (text:find("OS control of the PCI Express", 1, true)
    or text:find("has not supplied any directives", 1, true)
    or text:find("cannot be assigned", 1, true)) then
    return "HYPERV_NOT_ASSIGNABLE"
  end
end

local function job_text(job)
  if job.errors and job.errors[1] then
    return job.errors[1].text
  end
  return job.error_text
end

-- Waits for a job as the native does. Returns its outcome.
local function follow(self, job)
  local hypervisor = host(self)
  local limit = scheduler.now() + JOB_TIMEOUT
  local deadline = scheduler.current().deadline
  if deadline and deadline < limit then
    limit = deadline
  end
  local id = job.id
  while true do
    local now = scheduler.now()
    job = hypervisor:job(id)
    if not self.world:reachable(self.node) then
      calls.raise("WMI_UNREACHABLE", "no connection to the management service",
        { maybe_executed = true })
    end
    if not job then
      calls.raise("WMI_JOB_LOST", "the job vanished before its result was seen",
        { maybe_executed = true })
    end
    if job.state == 7 or job.state == 32768 then
      return job
    end
    if job.state == 8 or job.state == 9 or job.state == 10 then
      local text = job_text(job) or "the job failed"
      calls.raise(known_error(job.error_code, text) or "WMI_JOB_FAILED", text,
        { hresult = job.error_code })
    end
    if now >= limit then
      calls.raise("WMI_JOB_TIMEOUT", "the job did not end in time", { maybe_executed = true })
    end
    local wait = job.finish and job.finish > now and math.min(job.finish - now, 5) or JOB_POLL
    scheduler.sleep(math.min(wait, math.max(limit - now, 0.001)))
    self.world:advance()
  end
end

-- Calls a method of the world: `act` returns code, job, out.
local function invoke(self, class, method, act)
  local code, job, out = call(self, true, { verb = "Invoke", class = class, method = method }, act)
  if code == 4096 then
    job = follow(self, job)
    return job.out, job
  end
  if code ~= 0 then
    local text = type(out) == "string" and out or method .. " returned " .. code .. " ("
      .. (return_words[code] or "unknown") .. ")"
    calls.raise(known_error(code, text) or "WMI_METHOD_FAILED", text, { hresult = code })
  end
  return out, nil
end

-- ---- looking
-- -------------------------------------------------------------------------------------------

local function show(hypervisor, vm)
  local operational = hypervisor:operational(vm)
  return {
    id = vm.id, name = vm.config.name, planned = vm.planned or false,
    state = states[hypervisor:enabled_state(vm)]
      or (hypervisor:enabled_state(vm) >= 32781 and "critical" or "unknown"),
    health = healths[hypervisor:health(vm)] or "unknown",
    status = statuses[operational[1]] or "unknown",
    uptime = hypervisor:uptime(vm),
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

function Hyperv:host()
  return look(self, "Msvm_ComputerSystem", function()
    return { name = self.node:upper() }
  end)
end

function Hyperv:vms()
  return look(self, "Msvm_ComputerSystem", function()
    return show_all(self, host(self):vms())
  end)
end

function Hyperv:planned_vms()
  return look(self, "Msvm_PlannedComputerSystem", function()
    return show_all(self, host(self):planned_vms())
  end)
end

function Hyperv:find_vm(name_or_id)
  return look(self, "Msvm_ComputerSystem", function()
    local hypervisor = host(self)
    local wanted = type(name_or_id) == "table" and name_or_id.id or name_or_id
    local found = hypervisor:find(wanted:upper())
    if found then
      return show(hypervisor, found)
    end
    for _, vm in ipairs(hypervisor:vms()) do
      if vm.config.name == wanted then
        if found then
          calls.raise("HYPERV_AMBIGUOUS", "several virtual machines are called " .. wanted)
        end
        found = vm
      end
    end
    return found and show(hypervisor, found) or nil
  end)
end

function Hyperv:vm(name_or_id)
  local vm = self:find_vm(name_or_id)
  if not vm then
    calls.raise("HYPERV_VM_NOT_FOUND", "there is no virtual machine " .. tostring(name_or_id))
  end
  return vm
end

-- The record of a registered or planned machine; raises where there is none.
local function any(self, vm)
  local record = host(self):any(id_of(vm))
  if not record then
    calls.raise("HYPERV_VM_NOT_FOUND", "there is no virtual machine " .. id_of(vm))
  end
  return record
end

local function size(mib)
  if mib > 0 and mib % 1024 == 0 then
    return string.format("%dGiB", mib // 1024)
  end
  return string.format("%dMiB", mib)
end

function Hyperv:settings(vm)
  return look(self, "Msvm_VirtualSystemSettingData", function()
    local config = any(self, vm).config
    return {
      stop_action = stop_actions[config.stop_action] or "unknown",
      start_action = start_actions[config.start_action] or "unknown",
      recovery_action = recovery_actions[config.recovery_action] or "unknown",
      cache_types = config.cache_types, low_mmio = size(config.low_mmio),
        high_mmio = size(config.high_mmio),
      saved_state = config.is_saved or false, root = config.root,
        snapshot_root = config.snapshot_root,
      generation = config.generation, version = config.version,
      checkpoints = checkpoints[config.checkpoints] or "unknown",
        dynamic_memory = config.dynamic_memory,
    }
  end)
end

function Hyperv:definition(file)
  return look(self, "Msvm_VirtualSystemManagementService", function()
    local found = host(self):definition_summary({ file })[1]
    if not found then
      calls.raise("HYPERV_NO_DEFINITION", file .. " cannot be read as a configuration")
    end
    return { id = found.id, name = found.name }
  end)
end

function Hyperv:disks(vm)
  return look(self, "Msvm_StorageAllocationSettingData", function()
    local list = {}
    for i, disk in ipairs(any(self, vm).config.disks) do
      list[i] = { id = disk.id, path = disk.path, kind = disk.kind or "disk" }
    end
    return list
  end)
end

function Hyperv:adapters(vm)
  return look(self, "Msvm_EthernetPortAllocationSettingData", function()
    local list = {}
    for i, adapter in ipairs(any(self, vm).config.adapters) do
      list[i] = {
        id = adapter.id, name = adapter.name, switch = adapter.switch,
          connected = adapter.connected,
        present = host(self):has_switch(adapter.switch),
      }
    end
    return list
  end)
end

function Hyperv:assignable_devices()
  return look(self, "Msvm_PciExpress", function()
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
  end)
end

function Hyperv:assigned(vm)
  return look(self, "Msvm_PciExpressSettingData", function()
    local list = {}
    for i, record in ipairs(host(self):assignments(any(self, vm))) do
      local vendor, device = record.instance:match("[Vv][Ee][Nn]_(%x+)&[Dd][Ee][Vv]_(%x+)")
      list[i] = {
        id = record.id, instance = record.instance, location = record.present and record.location
          or nil,
        vendor = vendor and vendor:lower(), device = device and device:lower(),
          present = record.present,
      }
    end
    return list
  end)
end

function Hyperv:heartbeat(vm)
  return look(self, "Msvm_HeartbeatComponent", function()
    local number = host(self):heartbeat(any(self, vm))
    return number and (heartbeats[number] or "error") or "none"
  end)
end

function Hyperv:guest_items(vm)
  return look(self, "Msvm_KvpExchangeComponent", function()
    local items = host(self):guest_items(any(self, vm)) or { intrinsic = {}, own = {} }
    local shown = { intrinsic = {}, own = {} }
    for _, kind in ipairs({ "intrinsic", "own" }) do
      for _, item in ipairs(items[kind]) do
        shown[kind][item.name or item[1]] = item.value or item[2]
      end
    end
    return shown
  end)
end

local job_states = {
  [2] = "new", [3] = "starting", [4] = "running", [5] = "suspended", [6] = "shutting down",
}

function Hyperv:jobs()
  return look(self, "Msvm_ConcreteJob", function()
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
  end)
end

function Hyperv:validate(planned)
  local vsms = "Msvm_VirtualSystemManagementService"
  local code, job, out = call(self, false, { verb = "Invoke", class = vsms,
    method = "ValidatePlannedSystem" },
    function()
      return host(self):validate_planned(id_of(planned))
    end)
  if code == 0 then
    return { ok = true, problems = {} }
  elseif code ~= 4096 then
    local text = type(out) == "string" and out or "ValidatePlannedSystem returned " .. code
    calls.raise(known_error(code, text) or "WMI_METHOD_FAILED", text, { hresult = code })
  end
  local id = job.id
  local ok, problem = pcall(follow, self, job)
  job = host(self):job(id) or job
  if not ok and job.state ~= 10 then
    error(problem, 0)
  end
  local problems = {}
  for i, one in ipairs(job.errors or {}) do
    problems[i] = { code = tostring(one.id):match("%d+") or tostring(one.id), message = one.text,
      source = one.source }
  end
  if job.state == 7 then
    return { ok = true, problems = {} }
  end
  if #problems == 0 then
    problems[1] = { code = tostring(job.error_code or 0), message = job.error_text
      or "validation failed" }
  end
  return { ok = false, problems = problems }
end

-- ---- changing
-- --------------------------------------------------------------------------------------------

local VSMS = "Msvm_VirtualSystemManagementService"

function Hyperv:import(file, options)
  local out = invoke(self, VSMS, "ImportSystemDefinition", function()
    return host(self):import_definition(file, options and options.snapshots, false)
  end)
  local id = out and out.affected.id
  for _, vm in ipairs(self:planned_vms()) do
    if vm.id == id then
      return vm
    end
  end
  calls.raise("HYPERV_VM_NOT_FOUND", "the imported configuration is not there")
end

local function megabytes(text)
  local number, unit = text:match("^(%d+)%s*(%a+)$")
  local factor = ({ TiB = 1048576, GiB = 1024, MiB = 1 })[unit]
  return math.tointeger(tonumber(number)) * factor
end

local translators = {
  stop_action = function(word) return number_of(stop_actions, word) end,
  start_action = function(word) return number_of(start_actions, word) end,
  checkpoints = function(word) return number_of(checkpoints, word) end,
  low_mmio = megabytes,
  high_mmio = megabytes,
}

function Hyperv:configure(vm, settings)
  local config = look(self, "Msvm_VirtualSystemSettingData", function()
    return any(self, vm).config
  end)
  local changes, any_change = {}, false
  for key, value in pairs(settings) do
    local wanted = value
    if translators[key] then
      wanted = translators[key](value)
    end
    if config[key] ~= wanted then
      changes[key] = wanted
      any_change = true
    end
  end
  if not any_change then
    return false
  end
  invoke(self, VSMS, "ModifySystemSettings", function()
    return host(self):modify_system(id_of(vm), changes)
  end)
  return true
end

function Hyperv:relink_disk(vm, disk_id, path)
  for _, disk in ipairs(self:disks(vm)) do
    if disk.id == disk_id and disk.path == path then
      return false
    end
  end
  invoke(self, VSMS, "ModifyResourceSettings", function()
    return host(self):modify_resource(disk_id, { path = path })
  end)
  return true
end

function Hyperv:disconnect_adapter(vm, adapter_id)
  for _, adapter in ipairs(self:adapters(vm)) do
    if adapter.id == adapter_id and not adapter.connected then
      return false
    end
  end
  invoke(self, VSMS, "ModifyResourceSettings", function()
    return host(self):modify_resource(adapter_id, { connected = false })
  end)
  return true
end

function Hyperv:realize(planned)
  invoke(self, VSMS, "RealizePlannedSystem", function()
    return host(self):realize(id_of(planned))
  end)
  return self:vm(id_of(planned))
end

function Hyperv:discard(planned)
  local id = id_of(planned)
  local there = look(self, "Msvm_PlannedComputerSystem", function()
    return host(self):find_planned(id) ~= nil
  end)
  if not there then
    return false
  end
  invoke(self, VSMS, "DestroySystem", function()
    return host(self):destroy(id)
  end)
  return true
end

function Hyperv:unregister(vm)
  if not self:find_vm(id_of(vm)) then
    return false
  end
  invoke(self, VSMS, "DestroySystem", function()
    return host(self):destroy(id_of(vm))
  end)
  return true
end

function Hyperv:export(vm, directory, options)
  invoke(self, VSMS, "ExportSystemDefinition", function()
    return host(self):export(id_of(vm), directory, options or {})
  end)
end

-- RequestStateChange, unless it is in one of these states already.
local function request_state(self, vm, number, ...)
  local now = look(self, "Msvm_ComputerSystem", function()
    local record = any(self, vm)
    return states[host(self):enabled_state(record)] or "critical"
  end)
  for _, state in ipairs({ ... }) do
    if now == state then
      return false
    end
  end
  invoke(self, "Msvm_ComputerSystem", "RequestStateChange", function()
    return host(self):request_state(id_of(vm), number)
  end)
  return true
end

function Hyperv:start(vm)
  return request_state(self, vm, 2, "running")
end

function Hyperv:turn_off(vm)
  return request_state(self, vm, 3, "off")
end

function Hyperv:clear_saved_state(vm)
  local saved = look(self, "Msvm_VirtualSystemSettingData", function()
    return any(self, vm).config.is_saved
  end)
  if not saved then
    return false
  end
  invoke(self, "Msvm_ComputerSystem", "RequestStateChange", function()
    return host(self):request_state(id_of(vm), 3)
  end)
  return true
end

function Hyperv:shutdown(vm, options)
  options = options or {}
  local code = call(self, true, {
    verb = "Invoke", class = "Msvm_ShutdownComponent", method = "InitiateShutdown",
  }, function()
    local record = any(self, vm)
    if host(self):enabled_state(record) == 3 then
      return false
    end
    return host(self):initiate_shutdown(record.id, options.force or false, options.reason or "")
  end)
  if code == false then
    return false
  end
  if code ~= 0 and code ~= 4096 then
    local guest = code >= 32779 and code <= 32782
    calls.raise(guest and "HYPERV_GUEST" or known_error(code) or "WMI_METHOD_FAILED",
      "the guest does not shut down (" .. code .. ")", { hresult = code })
  end
  return true
end

function Hyperv:dismount(device)
  for _, one in ipairs(self:assignable_devices()) do
    if one.location == device.location then
      return false
    end
  end
  invoke(self, "Msvm_AssignableDeviceService", "DismountAssignableDevice", function()
    return host(self):dismount({
      instance = device.instance, location = device.location,
      require_acs = not device.force, require_mitigations = not device.force,
    })
  end)
  return true
end

function Hyperv:mount(device)
  local there = false
  for _, one in ipairs(self:assignable_devices()) do
    there = there or one.location == device.location
  end
  if not there then
    return false
  end
  invoke(self, "Msvm_AssignableDeviceService", "MountAssignableDevice", function()
    return host(self):mount({ instance = device.instance, location = device.location })
  end)
  return true
end

function Hyperv:assign(vm, location)
  for _, assignment in ipairs(self:assigned(vm)) do
    if assignment.present and assignment.location == location then
      return false
    end
  end
  invoke(self, VSMS, "AddResourceSettings", function()
    return host(self):add_resource(id_of(vm), { kind = "pci", location = location })
  end)
  return true
end

function Hyperv:unassign(vm, assignment_id)
  local there = false
  for _, assignment in ipairs(self:assigned(vm)) do
    there = there or assignment.id == assignment_id
  end
  if not there then
    return false
  end
  invoke(self, VSMS, "RemoveResourceSettings", function()
    return host(self):remove_resource(assignment_id)
  end)
  return true
end

function Hyperv:close() end

function M.open(world, node, actor)
  return setmetatable({ world = world, node = node, actor = actor }, Hyperv)
end

return M
