-- What lists show when a fault leaves rows out of them ("empty", "short"; docs/lab.md, Faults). The
-- world itself stays as it is: a look goes through a view of it that lacks the rows. The natives in
-- process look at records, the provider makes instances; a row is left out alike in both.
local faults = require("lab.world.faults")

local M = {}
M.__index = M

-- Rows of these classes belong to the host itself: they are left when everything else is missing.
local OWN = { Msvm_VirtualSystemManagementService = true, Msvm_AssignableDeviceService = true }

-- Classes of settings, and the list of a configuration that has them.
local PARTS = {
  Msvm_StorageAllocationSettingData = "disks",
  Msvm_EthernetPortAllocationSettingData = "adapters",
  Msvm_PciExpressSettingData = "assignments", Msvm_GpuPartitionSettingData = "partitions",
}

-- The names of what is left out. `exact`: a row that has one of these is meant; `within`: also one
-- that has it inside a longer id, as "Microsoft:GUID\..." has.
local function names_of(world, node, rows)
  local exact, within = {}, {}
  local function add(set, name)
    set[name:lower()] = true
  end
  for _, name in ipairs(rows) do
    add(exact, name)
    for _, vm in ipairs(world.vm_list) do
      if vm.name == name or vm.id == name:upper() then
        add(within, vm.id)
      end
    end
    for _, entry in ipairs(node and node.pnp.entries or {}) do
      if entry.slot and entry.slot.id == name then
        add(exact, entry.location)
        add(within, entry.id)
        add(within, entry.dismounted_id)
      end
    end
  end
  return exact, within
end

-- `rule`: of the fault, `target`: whom it strikes, `call`: what is asked. Where the fault lasts, it
-- hides the rows of every class that it matches; else those of the class that is asked for.
function M.new(world, target, rule, call)
  local self = setmetatable({
    rule = rule, class = call.class, lasts = rule.left == nil,
    follows = call.class == "Msvm_ConcreteJob" and (call.query or ""):find("InstanceID") ~= nil,
    count = type(rule.rows) == "number" and rule.rows or nil,
  }, M)
  if type(rule.rows) == "table" then
    self.exact, self.within = names_of(world, world:at(target), rule.rows)
  end
  return self
end

-- What Windows lists, not the management service, or not it alone.
local WINDOWS = {
  Win32_PnPEntity = true, CIM_DataFile = true, Win32_Directory = true, Win32_Process = true,
}

-- A lasting "short" that names no class is the management service's: Windows' own lists are whole,
-- but for the devices and files that are named.
local function spares(self, class)
  local rule = self.rule
  return self.lasts and rule.effect == "short" and not rule.match.class and WINDOWS[class]
    and (class == "Win32_Process" or rule.rows == "all")
end

function M:covers(class)
  if spares(self, class) then
    return false
  elseif class == self.class then
    return true
  end
  return self.lasts and faults.concerns(self.rule, class)
end

local FIELDS = { "id", "name", "path", "location", "instance" }

local function texts_of(record)
  local texts = { record.config and record.config.name }
  for _, field in ipairs(FIELDS) do
    texts[#texts + 1] = record[field]
  end
  return texts
end

local function is_named(self, texts)
  for _, text in ipairs(texts) do
    local lower = text:lower()
    if self.exact[lower] then
      return true
    end
    for id in next, self.within do
      if lower:find(id, 1, true) then
        return true
      end
    end
  end
  return false
end

-- Leaves the last rows out of an answer, where the fault says how many.
function M:cut(list, is_own)
  if not self.count then
    return list
  end
  local others, shown = 0, {}
  for _, row in ipairs(list) do
    others = others + (is_own and is_own(row) and 0 or 1)
  end
  for _, row in ipairs(list) do
    local own = is_own ~= nil and is_own(row)
    others = own and others or others - 1
    if own or others >= self.count then
      shown[#shown + 1] = row
    end
  end
  return shown
end

-- The rows that are there at all. `is_own(row)`: the host's own, which only "empty" leaves out;
-- `texts(row)`: by what a row may be named.
local function present(self, list, is_own, texts)
  local shown = {}
  if self.rule.effect == "empty" then
    return shown
  elseif self.count then
    return list
  end
  for _, row in ipairs(list) do
    if is_own and is_own(row) or self.exact and not is_named(self, (texts or texts_of)(row)) then
      shown[#shown + 1] = row
    end
  end
  return shown
end

-- Of an answer of records.
function M:rows(list)
  return self:cut(present(self, list))
end

local function view_of(real)
  return setmetatable({}, { __index = real })
end

-- Of the two lists of machines (registered, planned): list and finder.
local function hide_machines(self, view, real, list, find)
  view[list] = function()
    return self:rows(real[list](real))
  end
  view[find] = function(_, id)
    return self:rows({ real[find](real, id) })[1]
  end
end

local function hide_parts(self, view, list)
  local any = view.any
  view.any = function(_, id)
    local vm = any(view, id)
    if not vm then
      return nil
    end
    local config = view_of(vm.config)
    config[list] = self:rows(vm.config[list])
    local shown = view_of(vm)
    shown.config = config
    return shown
  end
end

-- Components exist once for each machine: hidden with its row.
local function hide_component(self, view, real, name)
  view[name] = function(_, vm)
    return #self:rows({ vm }) > 0 and real[name](real, vm) or nil
  end
end

-- Hyper-V of a node as it shows itself now.
function M:hyperv(real)
  local view = view_of(real)
  local settings = self:covers("Msvm_VirtualSystemSettingData")
  if settings or self:covers("Msvm_ComputerSystem") then
    hide_machines(self, view, real, "vms", "find")
  end
  if settings or self:covers("Msvm_PlannedComputerSystem") then
    hide_machines(self, view, real, "planned_vms", "find_planned")
  end
  view.any = function(_, id)
    return view:find(id) or view:find_planned(id)
  end
  for class, list in next, PARTS do
    if self:covers(class) then
      hide_parts(self, view, list)
    end
  end
  for class, name in next, {
    Msvm_PciExpress = "assignable", Msvm_PartitionableGpu = "partitionable",
    Msvm_ConcreteJob = "jobs",
  } do
    if self:covers(class) then
      view[name] = function()
        return self:rows(real[name](real))
      end
    end
  end
  if self:covers("Msvm_HeartbeatComponent") then
    hide_component(self, view, real, "heartbeat")
  end
  if self:covers("Msvm_KvpExchangeComponent") then
    hide_component(self, view, real, "guest_items")
  end
  if self:covers("Win32_Process") then
    view.processes = function()
      return self:rows(real:processes())
    end
  end
  view.shows_itself = function(_, class)
    return not (self.rule.effect == "empty" and self:covers(class))
  end
  return view
end

function M:pnp(real)
  if not self:covers("Win32_PnPEntity") then
    return real
  end
  local view = view_of(real)
  view.devices = function(_, vendor)
    return self:rows(real:devices(vendor))
  end
  view.find = function(_, id)
    return self:rows({ real:find(id) })[1]
  end
  return view
end

function M:files(real)
  if not self:covers(self.class) then
    return real
  end
  local view = view_of(real)
  view.list = function(_, directory)
    return self:rows(real:list(directory))
  end
  view.find = function(_, path)
    return self:rows({ real:find(path) })[1]
  end
  return view
end

function M:eem(real)
  local view = view_of(real)
  view.devices = function()
    return self:rows(real:devices())
  end
  view.find = function(_, id)
    return present(self, { real:find(id) })[1]
  end
  view.device = function(_, id)
    return view:find(id) or real:device("0x0") -- raises what EEM raises of one that it has not
  end
  return view
end

local KEY_FIELDS = {
  "Name", "ElementName", "InstanceID", "DeviceID", "LocationPath", "DeviceInstancePath",
  "PNPDeviceID", "FileName", "CommandLine",
}

local function instance_texts(instance)
  local texts = {}
  for _, field in ipairs(KEY_FIELDS) do
    local value = instance.values[field]
    texts[#texts + 1] = type(value) == "string" and value or nil
  end
  for _, path in ipairs(instance.values.HostResource or {}) do
    texts[#texts + 1] = path:gsub("\\\\", "\\") -- as keys of a path are written
  end
  return texts
end

-- Whether an instance is the host's own.
local function is_own_instance(instance)
  local values = instance.values
  return OWN[instance.class] or values.Caption == "Hosting Computer System"
    or tostring(values.InstanceID):find("^Microsoft:Definition") ~= nil
end

-- Of the instances of a class those that the provider shows. The one job that is followed is there
-- (what becomes of jobs has effects of its own).
function M:instances(class, list)
  if self.follows or not self:covers(class) then
    return list
  end
  return present(self, list, is_own_instance, instance_texts)
end

-- Of the instances that a query found those that are told.
function M:found(list)
  return (self.follows or not self:covers(self.class)) and list or self:cut(list, is_own_instance)
end

return M
