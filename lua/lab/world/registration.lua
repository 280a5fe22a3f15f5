-- Virtual machines come and go: import, fix up, validate, realize, destroy, export; and the
-- settings of one. Sources: docs/facts/hyperv-wmi.md#1.3 to #1.8.
local errors = require("lab.world.errors")
local jobs = require("lab.world.jobs")

local methods = {}

local OFF, SAVED = 3, 6
local FAILED, INVALID_PARAMETER, INVALID_STATE, NO_FILE = 32768, 32773, 32775, 32779
local LOW_GAP_MIN, LOW_GAP_MAX = 128, 3584 -- MB, docs/facts/hyperv-wmi.md#1.5

local function copy_list(list)
  local copy = {}
  for i, item in ipairs(list) do
    local one = {}
    for name, value in next, item do
      one[name] = value
    end
    copy[i] = one
  end
  return copy
end

-- A configuration of its own: what is in a file does not change with a copy of it.
function methods.copy_config(config)
  local copy = {}
  for name, value in next, config do
    copy[name] = value
  end
  copy.disks = copy_list(config.disks)
  copy.adapters = copy_list(config.adapters)
  copy.assignments = copy_list(config.assignments)
  copy.partitions = copy_list(config.partitions)
  return copy
end

local copy_config = methods.copy_config

function methods:config_path(root, id)
  return root .. "\\Virtual Machines\\" .. id .. ".vmcx"
end

-- File with the saved state (and more) beside the configuration.
function methods:state_file(vm)
  return (vm.file:gsub("%.[^.\\]+$", "") .. ".vmrs")
end

-- Hyper-V writes every change of the settings into the configuration file.
function methods:settings_written(vm)
  local entry = self.node.files:find(vm.file)
  if entry then
    entry.modified = self.world.clock.time
  end
end

function methods:write_state_file(vm, saved)
  local entry = self.node.files:write(self:state_file(vm), 61440)
  if entry then
    entry.saved = saved or nil
  end
end

local function new_vm(self, id, config, file, planned)
  local world = self.world
  return {
    id = id,
    name = config.name,
    node = self.node.name,
    planned = planned or false,
    state = config.is_saved and SAVED or OFF,
    config = config,
    file = file,
    changed = world.clock.time,
    epoch = 0,
    booted = false,
    attached = {},
    shares = {},
    open_files = {},
    guest = world:guest_of(id),
  }
end

-- Registers a virtual machine whose configuration file is there (also at the world's beginning).
function methods:register(id, config, file)
  local vm = new_vm(self, id, config, file)
  self.list[#self.list + 1] = vm
  self.by_id[id] = vm
  return vm
end

local function drop(list, by_id, vm)
  by_id[vm.id] = nil
  for i, other in ipairs(list) do
    if other == vm then
      table.remove(list, i)
      return
    end
  end
end

-- GetDefinitionFileSummaryInformation: reads, imports nothing.
function methods:definition_summary(files)
  local list = {}
  for _, path in ipairs(files) do
    local entry = self.node.files:find(path)
    if entry and entry.config then
      list[#list + 1] = {
        id = entry.vm_id,
        name = entry.config.name,
        created = entry.config.created,
        notes = entry.config.notes,
        file = entry.path,
      }
    end
  end
  return list
end

jobs.kind("import", {
  type = 61,
  work = function(self, path, new_id)
    local entry = self.node.files:find(path)
    if not entry or not entry.config then
      return nil, { code = NO_FILE,
        text = string.format("the configuration file '%s' is not found", path) }
    end
    local id = new_id and self.world:new_guid() or entry.vm_id
    if self:any(id) then
      return nil, { code = FAILED,
        text = "failed to import a virtual machine: the identifier already exists" }
    end
    local config = copy_config(entry.config)
    config.source_root, config.root = config.root, self.default_root
    for _, list in ipairs({ config.disks, config.adapters, config.assignments,
      config.partitions }) do
      for _, item in ipairs(list) do
        item.id = "Microsoft:" .. id .. "\\" .. item.id:match("[^\\]+$")
      end
    end
    local vm = new_vm(self, id, config, entry.path, true)
    self.planned_list[#self.planned_list + 1] = vm
    self.planned_by_id[id] = vm
    self.world:log(self.node.name, "import", id, entry.path)
    return { affected = { kind = "planned", id = id } }
  end,
})

-- ImportSystemDefinition.
function methods:import_definition(path, _, new_id)
  if type(path) ~= "string" or path == "" then
    return INVALID_PARAMETER, nil, "the definition file is missing"
  end
  local entry = self.node.files:find(path)
  if entry and entry.locked then
    return NO_FILE, nil,
      "the process cannot access the file because it is being used by another process"
  end
  return jobs.start(self, "import", path, new_id)
end

-- What is wrong with a planned virtual machine on this host. Numbers as Compare-VM has them.
local function problems_of(self, vm)
  local list = {}
  local config = vm.config
  local function add(id, format, ...)
    list[#list + 1] = { id = id, text = format:format(...), source = vm.id }
  end
  if config.is_saved then
    local state = self.node.files:find(self:state_file(vm))
    if not (state and state.saved) then
      add("40004", "the file with the saved state of '%s' is not found", config.name)
      add("40006", "the file with the memory of '%s' is not found", config.name)
    end
  end
  for _, disk in ipairs(config.disks) do
    if not self.node.files:find(disk.path) then
      add("40010", "the virtual disk '%s' is not found", disk.path)
    end
  end
  for _, adapter in ipairs(config.adapters) do
    if adapter.connected and not self:has_switch(adapter.switch) then
      add("33012", "the virtual switch '%s' is not found", adapter.switch)
    end
  end
  return list
end

jobs.kind("validate", {
  type = 140,
  work = function(self, vm)
    local list = problems_of(self, vm)
    if #list > 0 then
      return nil, { code = FAILED, text = "the virtual machine is not compatible with this host",
        errors = list }
    end
    return { affected = { kind = "planned", id = vm.id } }
  end,
})

local function need_planned(self, id)
  local vm = self:find_planned(id)
  if not vm then
    errors.wmi(errors.NOT_FOUND, "there is no planned virtual machine %s", id)
  end
  return vm
end

function methods:validate_planned(id)
  return jobs.start(self, "validate", need_planned(self, id))
end

jobs.kind("realize", {
  type = 141,
  work = function(self, planned)
    if self:find_planned(planned.id) ~= planned then
      return nil, { code = INVALID_STATE, text = "the planned virtual machine is gone" }
    end
    local list = problems_of(self, planned)
    local path = self:config_path(planned.config.root, planned.id)
    local entry = #list == 0 and self.node.files:write(path, 54322)
    if not entry then
      return nil, { code = FAILED, text = "unresolved configuration file errors",
        errors = #list > 0 and list or nil }
    end
    entry.config, entry.vm_id = planned.config, planned.id
    local before = self.node.files:find(self:state_file(planned))
    drop(self.planned_list, self.planned_by_id, planned)
    local vm = self:register(planned.id, planned.config, entry.path)
    self:write_state_file(vm, before and before.saved)
    self.world:log(self.node.name, "realize", vm.id, entry.path)
    return { affected = { kind = "vm", id = vm.id } }
  end,
})

function methods:realize(id)
  return jobs.start(self, "realize", need_planned(self, id))
end

local function delete_files(self, vm)
  for _, path in ipairs({ vm.file, self:state_file(vm) }) do
    local entry = self.node.files:find(path)
    if entry then
      self.node.files:remove(entry)
      self.world:log(self.node.name, "lose file", entry.path)
    end
  end
end

jobs.kind("destroy", {
  work = function(self, vm)
    if vm.planned then
      drop(self.planned_list, self.planned_by_id, vm)
      -- Whether this can take the source files with it is not verified.
      if self.world.switches.planned_destroy_deletes
        and vm.config.root == vm.config.source_root then
        delete_files(self, vm)
      end
    else
      if self:active(vm) then
        return nil, { code = INVALID_STATE, text = "the virtual machine runs" }
      end
      drop(self.list, self.by_id, vm)
      self:linger(self.list, vm)
      delete_files(self, vm)
    end
    self.world:log(self.node.name, vm.planned and "discard" or "destroy", vm.id)
    return { affected = { kind = vm.planned and "planned" or "vm", id = vm.id } }
  end,
})

-- DestroySystem: THE CONFIGURATION FILES GO WITH IT, if this node reaches them.
function methods:destroy(id)
  local vm = self:find_planned(id) or self:need(id)
  if not vm.planned and vm.state ~= OFF and vm.state ~= SAVED then
    return INVALID_STATE, nil, "the virtual machine must be off or saved"
  end
  return jobs.start(self, "destroy", vm)
end

-- Changes that are allowed at any time; the others need a virtual machine that is off.
local ANY_TIME = {
  name = true,
  notes = true,
  stop_action = true,
  start_action = true,
  recovery_action = true,
  checkpoints = true,
  critical_action = true,
}
local NEEDS_OFF = { cache_types = true, low_mmio = true, high_mmio = true }
local PLANNED_ONLY = { root = true, snapshot_root = true, swap_root = true }
local ORDER = { "name", "notes", "stop_action", "start_action", "recovery_action", "checkpoints",
  "critical_action",
  "cache_types", "low_mmio", "high_mmio", "root", "snapshot_root", "swap_root" }

jobs.kind("modify", {
  work = function(self, vm, changes)
    if changes.read_only and #changes.read_only > 0 then
      return nil, { code = INVALID_PARAMETER, text = "read-only properties were sent: "
        .. table.concat(changes.read_only, ", ") }
    end
    for _, name in ipairs(ORDER) do
      if changes[name] ~= nil and vm.config[name] ~= changes[name] then
        vm.config[name] = changes[name]
        self.world:log(self.node.name, "modify", vm.id, name)
        if not vm.planned then
          self:settings_written(vm)
        end
      end
    end
    vm.name = vm.config.name
    return { affected = { kind = vm.planned and "planned" or "vm", id = vm.id } }
  end,
})

-- ModifySystemSettings.
function methods:modify_system(id, changes)
  local vm = self:need(id)
  if vm.critical then
    return INVALID_STATE, nil, "the configuration is not accessible"
  end
  for name in next, changes do
    local known = ANY_TIME[name] or NEEDS_OFF[name] or name == "read_only"
      or (PLANNED_ONLY[name] and vm.planned)
    if not known then
      return INVALID_PARAMETER, nil, "these settings cannot be changed"
    end
  end
  for name in next, NEEDS_OFF do
    if changes[name] ~= nil and vm.state ~= OFF then
      return INVALID_STATE, nil, "the virtual machine must be off"
    end
  end
  local low = changes.low_mmio
  if low and (low < LOW_GAP_MIN or low > LOW_GAP_MAX) then
    return INVALID_PARAMETER, nil, "LowMmioGapSize is out of range"
  end
  return jobs.start(self, "modify", vm, changes)
end

jobs.kind("export", {
  type = 62,
  work = function(self, vm, directory, options)
    local files = self.node.files
    if options.subdirectory then
      directory = directory .. "\\" .. vm.config.name
    end
    if files:find(self:config_path(directory, vm.id)) then
      return nil, { code = FAILED,
        text = string.format("the export directory '%s' already exists", directory) }
    end
    local entry = not vm.critical and files:write(self:config_path(directory, vm.id), 54322)
    if not entry then
      return nil, { code = FAILED,
        text = string.format("the directory '%s' is not accessible", directory) }
    end
    entry.config, entry.vm_id = copy_config(vm.config), vm.id
    entry.config.root = directory
    if not options.runtime then
      entry.config.is_saved = false
    end
    local state = files:write(entry.path:gsub("%.vmcx$", "") .. ".vmrs", 61440)
    state.saved = options.runtime and vm.config.is_saved or nil
    if options.with_disks then
      for i, disk in ipairs(vm.config.disks) do
        local original = files:find(disk.path)
        local copy = directory .. "\\Virtual Hard Disks\\" .. disk.path:match("[^\\]+$")
        files:write(copy, original and original.size)
        entry.config.disks[i].path = copy
      end
    end
    self.world:log(self.node.name, "export", vm.id, directory)
    return { affected = { kind = "vm", id = vm.id } }
  end,
})

-- ExportSystemDefinition.
function methods:export(id, directory, options)
  local vm = self:need(id)
  if vm.planned then
    return INVALID_STATE, nil, "a planned virtual machine cannot be exported"
  end
  return jobs.start(self, "export", vm, (directory:gsub("[\\/]+$", "")), options or {})
end

return methods
