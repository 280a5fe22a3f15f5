-- Switching virtual machines on and off: RequestStateChange, and what a start demands of its host.
-- Sources: docs/facts/hyperv-wmi.md#1.2, 1.7, 1.11 and the pitfalls of section 5.
local errors = require("lab.world.errors")
local jobs = require("lab.world.jobs")

local methods = {}

local RUNNING, OFF, SAVED, PAUSED, STARTING = 2, 3, 6, 9, 10
local INVALID_PARAMETER, INVALID_STATE = 32773, 32775
local FAILED_POST_START = 43 -- Windows' problem code: the device has reported problems

local function set_state(self, vm, state)
  vm.state = state
  vm.changed = self.world.clock.time
end

local function close_files(vm)
  for _, entry in ipairs(vm.open_files) do
    if entry.user == vm then
      entry.user = nil
    end
  end
  vm.open_files = {}
end

-- It does not run any more, for whatever reason.
function methods:stopped(vm)
  self:guest_ends(vm)
  set_state(self, vm, OFF)
  vm.epoch = vm.epoch + 1
  vm.started = nil
  vm.booted = false
  vm.attached, vm.shares = {}, {}
  close_files(vm)
end

-- Its disk is back in time: it goes on, unless somebody else has its files now.
function methods:reopen(vm)
  for _, entry in ipairs(vm.open_files) do
    if entry.user and entry.user ~= vm then
      self:stopped(vm)
      return
    end
  end
  for _, entry in ipairs(vm.open_files) do
    entry.user = vm
  end
  self.world.invariants:vm_runs(vm, true)
end

local function refuse(hresult, format, ...)
  local text = format:format(...)
  return { code = 32768, hresult = hresult, text = string.format("%s (0x%08X)", text, hresult) }
end

-- Disks: there, ours alone, and readable for the virtual machine's own account.
local function disk_problem(self, vm, list)
  for _, disk in ipairs(vm.config.disks) do
    local entry = self.node.files:find(disk.path)
    if not entry then
      return refuse(0x80070002, "'%s': the system cannot find the file '%s'", vm.config.name,
        disk.path)
    end
    if entry.user and entry.user ~= vm then
      return refuse(0x80070020, "'%s': the file '%s' is being used by another process",
        vm.config.name, disk.path)
    end
    if entry.denied then
      return refuse(0x80070005,
        "'%s': general access denied for '%s': the account does not have the required "
        .. "security settings", vm.config.name, disk.path)
    end
    list[#list + 1] = entry
  end
  return nil
end

-- Assigned devices: still there, dismounted, in nobody else's use, and small enough for the
-- address gaps.
local function device_problem(self, vm, list)
  local low, high = 0, 0
  for _, assigned in ipairs(vm.config.assignments) do
    local entry = self.node.pnp:entry(assigned.instance)
    if not entry or not entry.present or entry.location ~= assigned.location
      or assigned.host ~= self.node.name then
      return refuse(0x80070490, "'%s': an assigned device cannot be found: element not found",
        vm.config.name)
    end
    for _, other in ipairs(self.list) do
      if other ~= vm and self:active(other) then
        for _, used in ipairs(other.attached) do
          if used == entry then
            return refuse(0x80070020, "'%s': the device %s is in use", vm.config.name,
              entry.location)
          end
        end
      end
    end
    low = low + (entry.fn.low_mmio or 0)
    high = high + (entry.fn.high_mmio or 0)
    list[#list + 1] = entry
  end
  if low > vm.config.low_mmio or high > vm.config.high_mmio then
    return refuse(0x800705AA,
      "'%s': insufficient system resources: the memory mapped I/O space is too small for the "
      .. "assigned devices", vm.config.name)
  end
  return nil
end

local function saved_state_problem(self, vm)
  if vm.config.is_saved then
    local state = self.node.files:find(self:state_file(vm))
    if not (state and state.saved) then
      return refuse(0x80070002, "'%s': the saved state file cannot be found", vm.config.name)
    end
  end
  return nil
end

-- Why a virtual machine cannot run here, or nil, its files, its devices and its shares.
function methods:start_problem(vm)
  if vm.critical then
    return refuse(0x80070003, "'%s': the configuration is not accessible", vm.config.name)
  end
  local files, devices = {}, {}
  local problem = saved_state_problem(self, vm) or disk_problem(self, vm, files)
    or device_problem(self, vm, devices)
  local shares
  if not problem then
    problem, shares = self:share_problem(vm)
  end
  if not problem and self:free_memory() < vm.config.memory then
    problem = refuse(0x8007000E,
      "'%s': not enough memory in the system to start the virtual machine with %d MB",
      vm.config.name, vm.config.memory)
  end
  return problem, files, devices, shares
end

local function run(self, vm, files, devices, shares)
  local saved = vm.config.is_saved
  for _, entry in ipairs(files) do
    entry.user = vm
  end
  vm.open_files, vm.attached, vm.shares = files, devices, shares
  vm.started = self.world.clock.time
  if saved then
    local state = self.node.files:find(self:state_file(vm))
    state.saved = nil
    vm.config.is_saved = false
  end
  set_state(self, vm, RUNNING)
  self.world:log(self.node.name, "start", vm.id)
  self:guest_begins(vm, saved)
  self.world.invariants:vm_runs(vm)
end

jobs.kind("start", {
  type = 12,
  begin = function(self, vm)
    vm.state_before = vm.state
    set_state(self, vm, STARTING)
  end,
  work = function(self, vm)
    if vm.state ~= STARTING then
      return nil, { code = INVALID_STATE,
        text = "the virtual machine is not in the state for this any more" }
    end
    local problem, files, devices, shares = self:start_problem(vm)
    if problem then
      return nil, problem
    end
    run(self, vm, files, devices, shares)
    return { affected = { kind = "vm", id = vm.id } }
  end,
  failed = function(self, vm)
    if vm.state == STARTING then
      set_state(self, vm, vm.state_before)
    end
  end,
})

-- Puts a virtual machine in running state without a job, for the world's beginning.
function methods:begin_running(vm)
  local problem, files, devices, shares = self:start_problem(vm)
  if problem then
    error("lab: the virtual machine cannot run at the beginning: " .. problem.text, 0)
  end
  run(self, vm, files, devices, shares)
  vm.booted = true
end

local function forget_saved_state(self, vm)
  vm.config.is_saved = false
  local state = self.node.files:find(self:state_file(vm))
  if state then
    state.saved = nil
  end
end

-- Some cards do not work any more when the machine that has them is turned off under load, until
-- they are without power once.
local function spoil_cards(self, vm)
  for _, entry in ipairs(vm.attached) do
    if entry.slot and self.world.switches.forced_stop == "card fails" then
      entry.slot.problem = FAILED_POST_START
    end
  end
end

jobs.kind("turn off", {
  type = 13,
  latency = "turn_off",
  work = function(self, vm)
    if vm.state == SAVED then
      forget_saved_state(self, vm)
      set_state(self, vm, OFF)
    elseif vm.state ~= OFF then
      spoil_cards(self, vm)
      self:stopped(vm)
    end
    self.world:log(self.node.name, "turn off", vm.id)
    return { affected = { kind = vm.planned and "planned" or "vm", id = vm.id } }
  end,
})

jobs.kind("save", {
  type = 14,
  work = function(self, vm)
    if #vm.config.assignments > 0 or #vm.config.partitions > 0 then
      return nil, refuse(0x80070032, "'%s' cannot be saved with an assigned device", vm.config.name)
    end
    if vm.state ~= RUNNING and vm.state ~= PAUSED then
      return nil, { code = INVALID_STATE, text = "the virtual machine does not run" }
    end
    self:stopped(vm)
    self:write_state_file(vm, true)
    vm.config.is_saved = true
    set_state(self, vm, SAVED)
    self.world:log(self.node.name, "save", vm.id)
    return { affected = { kind = "vm", id = vm.id } }
  end,
})

local function pause(self, vm)
  if vm.state ~= RUNNING then
    return INVALID_STATE
  end
  if not self.world.faults:lies() then
    set_state(self, vm, PAUSED)
    self.world:log(self.node.name, "pause", vm.id)
  end
  return 0
end

local function resume(self, vm)
  if not self.world.faults:lies() then
    set_state(self, vm, RUNNING)
    self.world:log(self.node.name, "resume", vm.id)
  end
  return 0
end

local function restart(self, vm)
  if vm.state ~= RUNNING then
    return INVALID_STATE
  end
  if not self.world.faults:lies() then
    self.world:log(self.node.name, "reset", vm.id)
    self:guest_begins(vm)
  end
  return 0
end

-- A planned virtual machine can only lose its saved state (unverified at WMI level: switch
-- planned_clear).
local function request_planned(self, vm, wanted)
  if self.world.switches.planned_clear == "unsupported" then
    errors.wmi(errors.NOT_SUPPORTED, "a planned virtual machine does not change its state")
  end
  if wanted ~= 3 or vm.state ~= SAVED then
    return INVALID_STATE
  end
  return jobs.start(self, "turn off", vm)
end

-- RequestStateChange: 2 start or resume, 3 turn off, 6 save, 9 pause, 10 reboot, 11 reset.
function methods:request_state(id, wanted)
  local vm = self:need(id)
  if vm.planned then
    return request_planned(self, vm, wanted)
  end
  if wanted == 3 then
    if vm.state == OFF then
      return INVALID_STATE
    end
    return jobs.start(self, "turn off", vm)
  end
  if vm.critical then
    return INVALID_STATE
  end
  if wanted == 2 then
    if vm.state == PAUSED then
      return resume(self, vm)
    end
    if vm.state == OFF or vm.state == SAVED then
      return jobs.start(self, "start", vm)
    end
    return INVALID_STATE
  elseif wanted == 6 then
    if vm.state == RUNNING or vm.state == PAUSED then
      return jobs.start(self, "save", vm)
    end
    return INVALID_STATE
  elseif wanted == 9 then
    return pause(self, vm)
  elseif wanted == 10 or wanted == 11 then
    return restart(self, vm)
  end
  return INVALID_PARAMETER, nil, "this state cannot be requested"
end

-- The guest or the worker process died: off, without anybody having asked.
function methods:crash(vm)
  self:stopped(vm)
  self.world:log(self.node.name, "crash", vm.id)
end

local function attached(vm, entry)
  for _, used in ipairs(vm.attached) do
    if used == entry then
      return true
    end
  end
  return false
end

-- A device has left the node, or its driver was stopped under a share. Whoever ran with it has
-- lost it (what a real host does is not verified).
function methods:device_lost(entry)
  for _, vm in ipairs(self.list) do
    if self:active(vm) and (attached(vm, entry) or self:has_share(vm, entry)) then
      self.world.invariants:record(
        "I1",
        "%s left %s while %s used it",
        entry.slot and entry.slot.id or entry.location,
        self.node.name,
        vm.id
      )
      if self.world.switches.gpu_loss == "crash" then
        self:crash(vm)
      end
    end
  end
end

return methods
