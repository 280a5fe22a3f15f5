-- The all-seeing eye: what was changed by whom, which safety rules were broken (design: I1 to
-- I3), and the true state as one plain table. Nothing of it can be seen through the simulated
-- interfaces.
local M = {}
M.__index = M

local FREE_IO = 4093

function M.new(world)
  return setmetatable({ world = world, violations = {}, changes = {}, unaccounted = {} }, M)
end

-- A broken rule, at the time of its breaking.
function M:record(id, format, ...)
  local list = self.violations
  list[#list + 1] = { id = id, text = format:format(...), time = self.world.clock.time }
end

-- A change that took effect. where: a node's name or "eem".
function M:change(where, verb, target, detail)
  local list, world = self.changes, self.world
  list[#list + 1] =
    { time = world.clock.time, where = where, verb = verb, target = target, detail = detail,
      by = world.by }
end

-- I2, when a virtual machine begins to run: it must not run anywhere else. One that has lost its
-- disk is paused and does not count, unless this one goes on after such a loss: then there are two
-- lives.
function M:vm_runs(vm, resumed)
  for _, node in ipairs(self.world.node_list) do
    local other = node.hyperv.by_id[vm.id]
    local counts = other and other ~= vm and (resumed or not other.critical)
    if counts and node.hyperv:active(other) then
      self:record("I2", "%s runs on %s and on %s", vm.id, other.node, vm.node)
    end
  end
end

---@return "free"|"held"|"quarantined"|"missing"|"unaccounted"
function M:device_state(slot)
  if not slot.reachable then
    return "missing"
  elseif slot.quarantined then
    return "quarantined"
  elseif slot.group_id == FREE_IO then
    return "free"
  end
  return self.world.fabric:board_of_group(slot.group_id) and "held" or "unaccounted"
end

-- I1 and I3, after groups or power have changed. A lasting wrong is recorded once.
function M:check_devices()
  for _, slot in ipairs(self.world.fabric.slots) do
    local lost = self:device_state(slot) == "unaccounted"
    if lost and not self.unaccounted[slot.id] then
      self:record("I3", "%s is in group %d, which nobody has", slot.id, slot.group_id)
    end
    self.unaccounted[slot.id] = lost or nil
  end
end

-- I1: two nodes must never have the same card in their trees.
function M:check_held(slot)
  local first
  for _, node in ipairs(self.world.node_list) do
    for _, entry in ipairs(node.pnp.entries) do
      if entry.slot == slot and entry.present then
        if first and first ~= node then
          self:record("I1", "%s is held by %s and by %s", slot.id, first.name, node.name)
        end
        first = node
      end
    end
  end
end

local function device_truth(self, slot)
  local world = self.world
  local board = slot.board and world.fabric.by_id[slot.board]
  local user
  for _, node in ipairs(world.node_list) do
    for _, vm in ipairs(node.hyperv.list) do
      for _, entry in ipairs(vm.attached) do
        if entry.slot == slot and entry.present then
          user = vm.id
        end
      end
    end
  end
  return {
    id = slot.id,
    group_id = slot.group_id,
    state = self:device_state(slot),
    link = slot.link,
    power = slot.power,
    node = board and board.node,
    used_by = user,
  }
end

local function node_truth(node)
  local functions = {}
  for _, entry in ipairs(node.pnp.entries) do
    if entry.slot then
      functions[#functions + 1] = {
        id = entry.dismounted and entry.dismounted_id or entry.id,
        device = entry.slot.id,
        location = entry.location,
        present = entry.present,
        disabled = entry.disabled,
        dismounted = entry.dismounted,
      }
    end
  end
  return { name = node.name, up = node.up, power = node.power,
    group_id = node.board_record.group_id, functions = functions }
end

local STATES = { [2] = "running", [3] = "off", [4] = "stopping", [6] = "saved", [9] = "paused",
  [10] = "starting" }

-- What is known of one virtual machine all over the cluster.
local function vm_truth(self, id, name)
  local truth = { id = id, name = name, registered = {}, planned = {}, running = {}, gpu = false,
    devices = {}, shares = {} }
  for _, node in ipairs(self.world.node_list) do
    local hyperv = node.hyperv
    local vm = hyperv.by_id[id]
    if vm then
      truth.registered[#truth.registered + 1] =
        { node = node.name, state = STATES[vm.state], critical = vm.critical ~= nil,
          file = vm.file }
      if hyperv:active(vm) then
        truth.running[#truth.running + 1] = node.name
        truth.booted = vm.booted
        truth.gpu = truth.gpu or hyperv:gpu_present(vm)
        for _, entry in ipairs(hyperv:present_devices(vm)) do
          truth.devices[#truth.devices + 1] = entry.slot and entry.slot.id or entry.location
        end
        for _, share in ipairs(vm.shares) do
          truth.shares[#truth.shares + 1] = share.entry.location
        end
      end
    end
    if hyperv:find_planned(id) then
      truth.planned[#truth.planned + 1] = node.name
    end
  end
  return truth
end

-- The part of the truth about one virtual machine, nil when there is none of this name.
function M:vm_truth(name)
  for _, known in ipairs(self.world.vm_list) do
    if known.name == name then
      return vm_truth(self, known.id, name)
    end
  end
  return nil
end

-- Everything, as a plain table that JSON can carry.
function M:truth()
  local world = self.world
  local truth = { time = world.clock.time, devices = {}, nodes = {}, vms = {}, disks = {} }
  for i, slot in ipairs(world.fabric.slots) do
    truth.devices[i] = device_truth(self, slot)
  end
  for i, node in ipairs(world.node_list) do
    truth.nodes[i] = node_truth(node)
  end
  for i, known in ipairs(world.vm_list) do
    truth.vms[i] = vm_truth(self, known.id, known.name)
  end
  for i, disk in ipairs(world.disk_list) do
    truth.disks[i] = { name = disk.name, owner = disk.owner }
  end
  truth.eem = { up = world.fabric.up }
  truth.violations = self.violations
  truth.changes = self.changes
  truth.counters = world.faults.counters
  return truth
end

return M
