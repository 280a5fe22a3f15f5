-- What runs inside a virtual machine: it boots, says that it is well, shuts down when asked (or
-- not), and sees the GPUs that are physically there.
local M = {}

local methods = {}
M.methods = methods

local OK, NO_CONTACT, LOST, PAUSED = 2, 12, 13, 15
local RUNNING, SHUTTING_DOWN, PAUSED_VM = 2, 4, 9
local PERIOD = 60 -- seconds between two writings of the guest's publisher
local NOT_READY, LOCKED, ALREADY = 32780, 32781, 32782

local function boot_due(self, vm, epoch)
  if vm.epoch == epoch then
    vm.booted, vm.booted_at = true, self.world.clock.time
  end
end

-- The virtual machine has been switched on; saved: it goes on where it was.
function methods:guest_begins(vm, saved)
  vm.epoch = vm.epoch + 1
  vm.booted, vm.booted_at = saved or false, self.world.clock.time
  if not saved then
    self.world.clock:after(self.world.latency.boot, boot_due, self, vm, vm.epoch)
  end
end

---@return integer? OperationalStatus of the heartbeat; nil where there is no component
function methods:heartbeat(vm)
  if not self:active(vm) then
    return nil
  end
  if vm.state == PAUSED_VM or vm.critical then
    return PAUSED
  end
  if not vm.booted or vm.guest.silent == "always" then
    return NO_CONTACT
  end
  return vm.guest.silent and LOST or vm.guest.heartbeat or OK
end

local function shut_down_due(self, vm, epoch)
  if vm.epoch == epoch and vm.state == SHUTTING_DOWN then
    self:stopped(vm)
    self.world:log(self.node.name, "shut down", vm.id)
  end
end

-- Msvm_ShutdownComponent.InitiateShutdown (docs/facts/hyperv-wmi.md#1.10).
---@return integer code
function methods:initiate_shutdown(id, force)
  local vm = self:need(id)
  if vm.state == SHUTTING_DOWN then
    return ALREADY
  end
  if vm.state ~= RUNNING or vm.critical then
    return 32775
  end
  if not vm.booted then
    return NOT_READY
  end
  if vm.guest.locked and not force then
    return LOCKED
  end
  if vm.guest.ignores or self.world.faults:lies() then
    return 0
  end
  vm.state = SHUTTING_DOWN
  vm.changed = self.world.clock.time
  self.world:log(self.node.name, "shutdown", vm.id)
  local seconds = vm.guest.shutdown or self.world.latency.shutdown
  self.world.clock:after(seconds, shut_down_due, self, vm, vm.epoch)
  return 0
end

-- Devices that the guest can use now.
function methods:present_devices(vm)
  local list = {}
  for _, entry in ipairs(vm.attached) do
    if entry.present then
      list[#list + 1] = entry
    end
  end
  return list
end

-- GPUs that the guest can use now, its own ones and those it has a share of.
function methods:present_gpus(vm)
  local list = {}
  for _, entry in ipairs(vm.attached) do
    if entry.present and entry.fn.class:sub(1, 2) == "03" then
      list[#list + 1] = entry
    end
  end
  for _, share in ipairs(vm.shares) do
    if share.entry.present and not share.entry.disabled then
      list[#list + 1] = share.entry
    end
  end
  return list
end

-- Whether a GPU of the guest's does not work, whoever has it.
function methods:has_broken_card(vm)
  for _, entry in ipairs(self:present_gpus(vm)) do
    if entry.slot and entry.slot.problem then
      return true
    end
  end
  return false
end

---@return boolean the guest sees a display controller
function methods:gpu_present(vm)
  return #self:present_gpus(vm) > 0
end

-- When the publisher has written last: when it began after the boot, then every minute.
local function stamp(self, vm, items)
  local up = self:uptime(vm)
  local began = (vm.booted_at or 0) + (vm.guest.publisher or 0)
  local since = math.max(self.world.clock.time - began, 0)
  items[#items + 1] = { "gpu.uptime", string.format("%d", math.max(up - since % PERIOD, 0) // 1) }
  items[#items + 1] = { "gpu.writes", string.format("%d", since // PERIOD + 1) }
end

-- What the guest's publisher writes about its GPU.
local function report(self, vm)
  local names = {}
  for i, entry in ipairs(self:present_gpus(vm)) do
    names[i] = entry.fn.name
  end
  local status = #names == 0 and "none" or "ok"
  if #names > 0 and (vm.guest.broken_driver or self:has_broken_card(vm)) then
    status = "error"
  end
  local items = {
    { "gpu.count", string.format("%d", #names) },
    { "gpu.names", table.concat(names, "; ") },
    { "gpu.status", status },
  }
  if not vm.guest.undated then
    stamp(self, vm, items)
  end
  return items
end

-- Until the publisher has run after a boot the items are still those of the boot before.
local function own_items(self, vm)
  local publisher = vm.guest.publisher or 0
  if self.world.clock.time < (vm.booted_at or 0) + publisher then
    return vm.guest.kept_items or {}
  end
  return report(self, vm)
end

-- The virtual machine stops: what its publisher wrote stays in its registry.
function methods:guest_ends(vm)
  if vm.booted then
    vm.guest.kept_items = own_items(self, vm)
  end
end

-- Key-value items: what Windows says by itself, and a report of the guest's own about its GPU.
function methods:guest_items(vm)
  if not self:active(vm) then
    return nil
  end
  if not vm.booted then
    return { intrinsic = {}, own = {} }
  end
  return {
    intrinsic = {
      { "FullyQualifiedDomainName", vm.config.name },
      { "OSName", "Windows Server 2022 Standard" },
      { "OSVersion", "10.0.20348" },
      { "OSMajorVersion", "10" },
      { "IntegrationServicesVersion", "10.0.20348" },
    },
    own = own_items(self, vm),
  }
end

return M
