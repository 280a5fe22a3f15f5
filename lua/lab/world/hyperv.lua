-- Hyper-V of one node: its registrations (realized virtual machines), planned ones, and what can
-- be asked of them. The operations are beside it: power.lua, registration.lua, assignment.lua,
-- partition.lua; jobs in jobs.lua.
--
-- A registration is not the virtual machine: the configuration is in a file, and whoever reaches
-- the file can register it. So two nodes may have registered one GUID, and a registration whose
-- disk went away is critical.
local assignment = require("lab.world.assignment")
local errors = require("lab.world.errors")
local guest = require("lab.world.guest")
local jobs = require("lab.world.jobs")
local partition = require("lab.world.partition")
local power = require("lab.world.power")
local registration = require("lab.world.registration")
local upper = require("lab.world.text").upper

local M = {}
M.__index = M

local parts = { jobs.methods, power, registration, assignment, partition, guest.methods }
for _, part in ipairs(parts) do
  for name, method in next, part do
    M[name] = method
  end
end

local RUNNING, OFF, SAVED, PAUSED, STARTING = 2, 3, 6, 9, 10
-- EnabledState of a critical one. Differs between Windows versions (docs/facts/hyperv-wmi.md#1.2),
-- hence movable as a block.
local CRITICAL = { [RUNNING] = 4, [OFF] = 1, [SAVED] = 3, [PAUSED] = 4 }

function M.new(world, node, definition)
  return setmetatable({
    world = world,
    node = node,
    memory = definition.memory or 65536,
    switches = definition.switches or {},
    default_root = definition.default_root or [[C:\ProgramData\Microsoft\Windows\Hyper-V]],
    list = {},
    by_id = {},
    planned_list = {},
    planned_by_id = {},
    job_list = {},
    jobs_by_id = {},
    job_count = 0,
    lingering = {}, -- rows that lists still show
  }, M)
end

-- Whether the host shows what is its own of a class: its system, its services.
function M:shows_itself(_)
  return true
end

-- For lists: what was removed, but is shown a while longer (latency removal_lag).
function M:linger(list, row)
  local lag = self.world.latency.removal_lag
  if lag > 0 then
    table.insert(self.lingering, { list = list, row = row, ends = self.world.clock.time + lag })
  end
end

-- A list as it is shown.
function M:shown(list)
  if #self.lingering == 0 then
    return list
  end
  local rows = table.move(list, 1, #list, 1, {})
  for _, one in ipairs(self.lingering) do
    if one.list == list and one.ends > self.world.clock.time then
      rows[#rows + 1] = one.row
    end
  end
  return rows
end

function M:vms()
  return self:shown(self.list)
end

function M:planned_vms()
  return self.planned_list
end

function M:find(id)
  id = upper(id)
  if #self.lingering > 0 and not self.by_id[id] then
    for _, vm in ipairs(self:shown(self.list)) do
      if vm.id == id then
        return vm
      end
    end
  end
  return self.by_id[id]
end

function M:find_planned(id)
  return self.planned_by_id[upper(id)]
end

function M:any(id)
  id = upper(id)
  return self.by_id[id] or self.planned_by_id[id]
end

-- For methods: the record, or WMI's "not found".
function M:need(id)
  local vm = self:any(id)
  if not vm then
    errors.wmi(errors.NOT_FOUND, "there is no virtual machine %s", id)
  end
  return vm
end

-- An administrator may have a machine shown in another state than it is in: vm.shown.
function M:enabled_state(vm)
  local shown = vm.shown and vm.shown.enabled_state
  if shown then
    return shown
  elseif not vm.critical then
    return vm.state
  end
  return self.world.switches.critical_base + (CRITICAL[vm.state] or 0)
end

---@return integer HealthState: 5 ok, 25 critical
function M:health(vm)
  return vm.shown and vm.shown.health_state or vm.critical and 25 or 5
end

function M:operational(vm)
  if vm.shown and vm.shown.operational_status then
    return vm.shown.operational_status
  end
  return vm.critical and { 3 } or { vm.state == 10 and 11 or 2 }
end

---@return number seconds that it runs
function M:uptime(vm)
  return vm.started and self.world.clock.time - vm.started or 0
end

-- Runs, or holds its files and devices as if.
function M:active(vm)
  return vm.state == RUNNING or vm.state == PAUSED or vm.state == 4
end

-- Whether Windows has a process for it.
local function has_process(self, vm)
  return self:active(vm) or vm.state == STARTING
end

---@return integer? process id of its worker, nil when it is off
function M:process_id(vm)
  if has_process(self, vm) then
    return 4 * ((tonumber(vm.id:sub(-4), 16) << 6) + (vm.epoch & 63) + 1000)
  end
end

-- Windows' processes, the management service's own first, then those of machines that are on. They
-- are there whatever the management service lists, so nothing here asks that.
---@return { name: string, process: integer, id: string? }[]
function M:processes()
  local list = { { name = "vmms.exe", process = 2048 } }
  for _, vm in ipairs(self.list) do
    if has_process(self, vm) then
      list[#list + 1] = { name = "vmwp.exe", process = self:process_id(vm), id = vm.id }
    end
  end
  return list
end

function M:free_memory()
  local free = self.memory
  for _, vm in ipairs(self.list) do
    if self:active(vm) then
      free = free - vm.config.memory
    end
  end
  return free
end

function M:has_switch(name)
  for _, switch in ipairs(self.switches) do
    if switch == name then
      return true
    end
  end
  return false
end

-- Node without power: what ran stops, what was only planned is lost, registrations stay for its
-- return.
function M:power_lost()
  local switches = self.world.switches
  self:drop_jobs()
  for _, vm in ipairs(self.list) do
    local ran = self:active(vm)
    vm.was_running = ran
    if ran or vm.state == 10 then
      self:stopped(vm)
      if switches.crash_leaves == "saved state" then
        vm.config.is_saved = true
        vm.state = SAVED
      end
    elseif vm.state ~= SAVED then
      vm.state = OFF
    end
  end
  self.planned_list, self.planned_by_id = {}, {}
end

-- The node has booted: registrations are there, critical where their files are not.
function M:booted()
  self:files_changed()
  for _, vm in ipairs(self.list) do
    local wanted = vm.config.start_action
    if not vm.critical and vm.state == OFF
      and (wanted == 4 or (wanted == 3 and vm.was_running)) then
      self:request_state(vm.id, RUNNING)
    end
    vm.was_running = false
  end
end

local function critical_due(self, vm, since)
  if vm.critical == since and self:active(vm) then
    self:stopped(vm)
  end
end

-- A disk came or went: registrations follow their files.
function M:files_changed()
  local time = self.world.clock.time
  for _, vm in ipairs(self.list) do
    local file = self.node.files:find(vm.file)
    if file and file.config then
      if vm.critical then
        vm.critical = nil
        vm.config = file.config
        vm.changed = time
        if self:active(vm) then
          self:reopen(vm)
        elseif vm.state == OFF or vm.state == SAVED then
          vm.state = vm.config.is_saved and SAVED or OFF
        end
      end
    elseif not vm.critical then
      vm.critical = { since = time }
      vm.changed = time
      if self:active(vm) then
        self.world.clock:after(self.world.latency.critical, critical_due, self, vm, vm.critical)
      end
    end
  end
end

return M
