-- The verbs of the in-process `hyperv` that change something: at most one thing, and nothing
-- where it is already so. Each does what natives/hyperv_*.c does, in the same order.
local calls = require("lab.direct.calls")
local failures = require("lab.direct.hyperv_failures")
local runs = require("lab.direct.hyperv_run")
local scheduler = require("core.scheduler")

local VSMS = "Msvm_VirtualSystemManagementService"
local DEVICES = "Msvm_AssignableDeviceService"
local OFF_STATE, START_STATE = 3, 2
-- The list of assignable devices may lag behind: seconds, and between two looks.
local LAG, FIRST_WAIT, LONGEST_WAIT = 2.5, 0.05, 0.5

local host, invoke, look = runs.host, runs.invoke, runs.look

local function same(a, b)
  return a ~= nil and b ~= nil and a:lower() == b:lower()
end

local function same_path(a, b)
  local function plain(path)
    return path:gsub("/", "\\"):gsub("\\+$", "")
  end
  return a ~= nil and b ~= nil and same(plain(a), plain(b))
end

local function number_of(words, word)
  for number, name in pairs(words) do
    if name == word then
      return number
    end
  end
end

local function megabytes(text)
  local number, unit = text:match("^(%d+)%s*(%a+)$")
  local factor = ({ TiB = 1048576, GiB = 1024, MiB = 1 })[unit]
  return math.tointeger(tonumber(number)) * factor
end

local FOLDERS = { root = true, snapshot_root = true, swap_root = true }
local NEEDS_OFF = { cache_types = true, low_mmio = true, high_mmio = true }

return function(Hyperv, looks)
  local reference, look_at, find = looks.reference, looks.look_at, looks.find

  -- ---- from a file to a registered machine and back

  -- Why an import really failed, where Hyper-V only said that it did.
  local function explain_import(self, failed, file)
    if failed.code ~= "WMI_JOB_FAILED" and failed.code ~= "WMI_METHOD_FAILED" then
      return looks.explain_file(self, failed, file)
    end
    local ok, described = pcall(self.definition, self, file)
    if not ok then
      local none = described.code == "HYPERV_NO_DEFINITION"
      return none and failures.as(failed, "HYPERV_NO_DEFINITION") or failed
    end
    return host(self):any(described.id) and failures.as(failed, "HYPERV_EXISTS") or failed
  end

  function Hyperv:import(file, options)
    local out = runs.explained(function(failed)
      return explain_import(self, failed, file)
    end, function()
      return invoke(self, VSMS, "ImportSystemDefinition", file, function()
        return host(self):import_definition(file, options and options.snapshots, false)
      end)
    end)
    return runs.explained(function(failed)
      failed.maybe_executed = true
      return failed
    end, function()
      local id = out and out.affected.id or self:definition(file).id
      return look_at(self, id, "planned")
    end)
  end

  function Hyperv:realize(planned)
    local id = look_at(self, reference(planned), "planned").id
    invoke(self, VSMS, "RealizePlannedSystem", id, function()
      return host(self):realize(id)
    end)
    return runs.explained(function(failed)
      failed.maybe_executed = true
      return failed
    end, function()
      return look_at(self, id, "registered")
    end)
  end

  -- One that is gone since it was looked at is no change, and no failure.
  local function destroy(self, id)
    local ok, failed = pcall(invoke, self, VSMS, "DestroySystem", id, function()
      return host(self):destroy(id)
    end)
    if not ok and failed.code ~= "HYPERV_VM_NOT_FOUND" then
      error(failed, 0)
    end
    return ok
  end

  function Hyperv:discard(planned)
    local id = reference(planned)
    return find(self, id, "planned") ~= nil and destroy(self, id)
  end

  function Hyperv:unregister(vm)
    local id = reference(vm)
    local there = find(self, id, "registered")
    if not there then
      return false
    elseif there.state ~= "off" and there.state ~= "saved" and there.state ~= "critical" then
      looks.wrong_state(there, "only one that is off is unregistered")
    end
    return destroy(self, id)
  end

  function Hyperv:export(vm, directory, options)
    local id = look_at(self, reference(vm), "registered").id
    invoke(self, VSMS, "ExportSystemDefinition", id, function()
      return host(self):export(id, directory, options or {})
    end)
  end

  -- ---- settings, disks, adapters

  local translators = {
    stop_action = function(word) return number_of(looks.stop_actions, word) end,
    start_action = function(word) return number_of(looks.start_actions, word) end,
    checkpoints = function(word) return number_of(looks.checkpoints, word) end,
    low_mmio = megabytes,
    high_mmio = megabytes,
  }

  -- What differs, in the world's words; which of it are folders, or want the machine off.
  local function difference(config, settings)
    local changes, folders, off = {}, false, false
    for key, value in pairs(settings) do
      local wanted = translators[key] and translators[key](value) or value
      local already = config[key] == wanted or FOLDERS[key] and same_path(config[key], wanted)
      if not already then
        changes[key] = wanted
        folders, off = folders or FOLDERS[key], off or NEEDS_OFF[key]
      end
    end
    return changes, folders, off
  end

  function Hyperv:configure(vm, settings)
    local id, kind = reference(vm)
    local planned, changes, folders, off
    look(self, "Msvm_VirtualSystemSettingData", function()
      local record = kind ~= "planned" and host(self):find(id)
        or kind ~= "registered" and host(self):find_planned(id) or nil
      if record then
        planned = record.planned
        changes, folders, off = difference(record.config, settings)
      end
    end)
    if not changes then
      looks.no_settings(self, id, kind)
    end
    if next(changes) == nil then
      return false
    elseif folders and not planned then
      calls.raise("HYPERV_STATE", "the folders of a virtual machine are set while it is planned; "
        .. "this one is registered", { target = id })
    end
    runs.explained(function(failed)
      local vague = failed.code == "WMI_JOB_FAILED" or failed.code == "WMI_METHOD_FAILED"
        or failed.code == "HYPERV_STATE"
      local now = vague and off and not planned and find(self, id, kind)
      if now and now.state ~= "off" then
        failed = failures.as(failed, "HYPERV_STATE")
        failed.transient = false
      end
      return failed
    end, function()
      invoke(self, VSMS, "ModifySystemSettings", id, function()
        return host(self):modify_system(id, changes)
      end)
    end)
    return true
  end

  local function part_of(list, id, what)
    for _, part in ipairs(list) do
      if same(part.id, id) then
        return part
      end
    end
    calls.raise("WMI_NOT_FOUND", string.format("the virtual machine has no %s %s", what, id),
      { target = id })
  end

  local function modify_part(self, vm, part_id, changes)
    invoke(self, VSMS, "ModifyResourceSettings", reference(vm), function()
      return host(self):modify_resource(part_id, changes)
    end)
    return true
  end

  function Hyperv:relink_disk(vm, disk_id, path)
    local disk = part_of(self:disks(vm), disk_id, "disk")
    return not same_path(disk.path, path) and modify_part(self, vm, disk.id, { path = path })
  end

  function Hyperv:disconnect_adapter(vm, adapter_id)
    local adapter = part_of(self:adapters(vm), adapter_id, "network adapter")
    return adapter.connected and modify_part(self, vm, adapter.id, { connected = false })
  end

  -- ---- power

  local function request(self, id, number)
    invoke(self, "Msvm_ComputerSystem", "RequestStateChange", id, function()
      return host(self):request_state(id, number)
    end)
    return true
  end

  local running = { running = true, starting = true, resuming = true }

  function Hyperv:start(vm)
    local there = look_at(self, reference(vm), "registered")
    return not running[there.state] and request(self, there.id, START_STATE)
  end

  function Hyperv:turn_off(vm)
    local there = look_at(self, reference(vm), "registered")
    return there.state ~= "off" and request(self, there.id, OFF_STATE)
  end

  -- A configuration may name a saved state while the machine says that it is off.
  function Hyperv:clear_saved_state(vm)
    local there = look_at(self, reference(vm))
    local saved = there.state == "saved"
      or there.state == "off" and self:settings(there).saved_state
    return saved and request(self, there.id, OFF_STATE)
  end

  function Hyperv:shutdown(vm, options)
    options = options or {}
    local there = look_at(self, reference(vm), "registered")
    if there.state == "off" or there.state == "stopping" then
      return false
    elseif there.state ~= "running" then
      looks.wrong_state(there, "only a running guest can shut down")
    end
    invoke(self, "Msvm_ShutdownComponent", "InitiateShutdown", there.id, function()
      return host(self):initiate_shutdown(there.id, options.force or false, options.reason or "")
    end)
    return true
  end

  -- ---- devices

  -- Looks until the device is listed or the lag is over; nil when it is not listed.
  local function listed(self, location, lag)
    local until_time, wait = scheduler.now() + lag, FIRST_WAIT
    while true do
      for _, device in ipairs(self:assignable_devices()) do
        if same(device.location, location) then
          return device
        end
      end
      local left = until_time - scheduler.now()
      if left <= 0 then
        return nil
      end
      scheduler.sleep(math.min(wait, left))
      wait = math.min(wait * 2, LONGEST_WAIT)
    end
  end

  function Hyperv:dismount(device)
    if listed(self, device.location, 0) then
      return false
    end
    invoke(self, DEVICES, "DismountAssignableDevice", device.location, function()
      return host(self):dismount({
        instance = device.instance, location = device.location,
        require_acs = not device.force, require_mitigations = not device.force,
      })
    end)
    return true
  end

  function Hyperv:mount(device)
    local seen = device.instance and device.instance:sub(1, 5) == "PCIP\\"
    local there = listed(self, device.location, seen and LAG or 0)
    if not there then
      return false
    elseif there.in_use then
      calls.raise("HYPERV_IN_USE", "a virtual machine has the device",
        { target = device.location })
    end
    invoke(self, DEVICES, "MountAssignableDevice", device.location, function()
      return host(self):mount({ instance = there.instance, location = there.location })
    end)
    return true
  end

  -- The machine, registered or planned, must be off for its devices to change.
  local function check_off(self, vm)
    local there = look_at(self, reference(vm))
    if there.state ~= "off" then
      looks.wrong_state(there, "its devices change only while it is off")
    end
  end

  function Hyperv:assign(vm, location)
    local id = reference(vm)
    for _, assignment in ipairs(self:assigned(vm)) do
      if assignment.present and same(assignment.location, location) then
        return false
      end
    end
    check_off(self, vm)
    local device = listed(self, location, LAG)
    if not device then
      calls.raise("HYPERV_NOT_ASSIGNABLE", location .. " is not in the list of assignable devices",
        { target = location })
    elseif device.in_use then
      calls.raise("HYPERV_IN_USE", "another virtual machine has the device",
        { target = location })
    end
    invoke(self, VSMS, "AddResourceSettings", id, function()
      return host(self):add_resource(id, { kind = "pci", instance = device.instance })
    end)
    return true
  end

  local function remove_setting(self, id, setting_id)
    local ok, failed = pcall(invoke, self, VSMS, "RemoveResourceSettings", id, function()
      return host(self):remove_resource(setting_id)
    end)
    if not ok and failed.hresult ~= 0x80041002 then -- gone since it was looked at
      error(failed, 0)
    end
    return ok
  end

  local function has(list, setting_id)
    for _, one in ipairs(list) do
      if same(one.id, setting_id) then
        return true
      end
    end
    return false
  end

  function Hyperv:unassign(vm, assignment_id)
    if not has(self:assigned(vm), assignment_id) then
      return false
    end
    check_off(self, vm)
    return remove_setting(self, reference(vm), assignment_id)
  end

  -- ---- shares of a GPU

  local function bytes(text)
    local number, unit = text:match("^(%d+)%s*(%a+)$")
    local factor = ({ TiB = 1 << 40, GiB = 1 << 30, MiB = 1 << 20, KiB = 1 << 10, B = 1 })[unit]
    return math.tointeger(tonumber(number)) * factor
  end

  function Hyperv:add_partition(vm, share)
    local id, wanted = reference(vm), bytes(share.vram)
    for _, one in ipairs(self:partitions(vm)) do
      if share.gpu and same(one.gpu, share.gpu) or not share.gpu and not one.gpu then
        if bytes(one.vram) ~= wanted then
          calls.raise("HYPERV_EXISTS", "it has a share of this GPU already, of another size",
            { target = id })
        end
        return false
      end
    end
    check_off(self, vm)
    local card
    for _, gpu in ipairs(share.gpu and self:partitionable_gpus() or {}) do
      card = card or same(gpu.name, share.gpu) and gpu.name or nil
    end
    if share.gpu and not card then
      calls.raise("HYPERV_DEVICE_GONE", "this host has no such partitionable GPU",
        { target = share.gpu })
    end
    invoke(self, VSMS, "AddResourceSettings", id, function()
      return host(self):add_partition(id, { gpu = card, amount = wanted })
    end)
    return true
  end

  function Hyperv:remove_partition(vm, partition_id)
    if not has(self:partitions(vm), partition_id) then
      return false
    end
    check_off(self, vm)
    return remove_setting(self, reference(vm), partition_id)
  end
end
