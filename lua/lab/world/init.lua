-- One simulated cluster: nodes, ExpEther Manager with boards and boxes, plug and play, Hyper-V, a
-- shared disk, guests. It enforces the rules of the real things and knows the truth. Plain Lua
-- without input, output or time of its own; docs/lab.md has the interface, the definition of a
-- cluster, switches and latencies.
local clock = require("lab.world.clock")
local definition_of = require("lab.world.definition")
local errors = require("lab.world.errors")
local fabric = require("lab.world.fabric")
local faults = require("lab.world.faults")
local files = require("lab.world.files")
local graph = require("graph")
local hyperv = require("lab.world.hyperv")
local invariants = require("lab.world.invariants")
local kept = require("lab.world.text").kept
local nodes = require("lab.world.nodes")
local suggestion = require("failover.parameters.schema").suggestion
local pnp = require("lab.world.pnp")

local M = {}
M.is_error = errors.is_error

---@class WorldOptions
---@field clock { now: fun(): number } seconds
---@field cluster table
---@field latency table<string, number>|number|nil 0: nothing takes time
---@field switches table<string, any>?
---@field vms table<string, table>? laid over the cluster's, by name
---@field nodes table<string, table>?
---@field devices table<string, table>? by id
---@field epoch number? seconds since 1970 at the world's first moment

---@class World
local World = {}
World.__index = World

-- Seconds that things take.
M.latency = {
  link = 3, -- from a group id that fits to the link being up
  unlink = 1,
  enumerate = 2, -- from the link to the node's tree
  list_lag = 0.5, -- from a dismount to Hyper-V's list
  dismount = 1,
  mount = 1,
  assign = 0.3,
  remove = 0.3,
  import = 1,
  validate = 0.5,
  realize = 0.5,
  destroy = 0.5,
  modify = 0.3,
  export = 2,
  start = 2,
  turn_off = 1,
  save = 3,
  boot = 15, -- of the guest, until its heartbeat
  shutdown = 5, -- of the guest
  critical = 30, -- until a virtual machine without its disk gives up
  node_boot = 60,
  removal_lag = 0, -- until a row of what was removed is gone from Hyper-V's lists
  job_kept = 300, -- until a finished job is forgotten
  answer = 0, -- of every call; faces wait for it
}

-- How the unverified goes, and what one may want otherwise.
M.switches = {
  jobs = "always", -- "always": 4096 with a job even when it takes no time; "when slow": 0 then
  put_in_use = "refuse", -- PUT of a group id on a slot that is not in the pool: "refuse" | "accept"
  update_time_lock = false, -- EEM compares update_time
  enumeration = "auto", -- "auto" | "rescan": the node looks for new devices only when told to
  -- how a device comes back to a node: "disabled" (if its driver was) | "dismounted" (if it was)
  -- | "enabled"
  device_returns = "disabled",
  gpu_loss = "crash", -- a running guest whose device leaves: "crash" | "lost"
  phantoms = true, -- a dismounted device that left is still listed, absent (problem 45)
  -- clearing the saved state of a planned virtual machine: "supported" | "unsupported"
  planned_clear = "supported",
  -- destroying a planned virtual machine whose root is the source's takes the source files
  planned_destroy_deletes = false,
  -- what a node without power leaves of a running virtual machine: "off" | "saved state" (without
  -- its file)
  crash_leaves = "off",
  device_paths_out = "path", -- what dismount and mount give out: "path" | "empty"
  -- cards of a machine that is turned off instead of shut down: "well" | "card fails"
  forced_stop = "well",
  dead_nodes = "silent", -- a node without power: "silent" | "refused" (connections to it)
  reboot_needed = false, -- what enabling and disabling a driver says
  critical_base = 32781, -- EnabledState of RunningCritical
}

local GUID = "%08X-0001-4000-8000-%012X"

local function overlay(defaults, changes, what)
  local result = {}
  for name, value in next, defaults do
    result[name] = value
  end
  for name, value in next, changes or {} do
    if defaults[name] == nil then
      local known = {}
      for other in next, defaults do
        known[#known + 1] = other
      end
      table.sort(known)
      error(("lab: there is no %s '%s'%s"):format(what, tostring(name), suggestion(name, known)), 0)
    end
    result[name] = value
  end
  return result
end

local function no_latency()
  local result = {}
  for name in next, M.latency do
    result[name] = 0
  end
  result.job_kept = M.latency.job_kept
  return result
end

local function add_disks(world, cluster)
  for i, definition in ipairs(cluster.disks or {}) do
    local disk = files.new_disk(definition.name, definition.owner)
    world.disk_list[i] = disk
    world.disks[definition.name:sub(1, 1):upper()] = disk
  end
end

local function add_node(world, definition)
  local number = #world.node_list + 1
  local power = definition.up ~= false
  local node = {
    name = definition.name,
    number = number,
    address = definition.address,
    host_name = (definition.host_name or definition.name):upper(),
    power = power,
    up = power,
    epoch = 0,
    guid = string.format(GUID, 0xC0DE0000 + number, number),
    board = definition.board,
    location_root = definition.location_root
      or string.format("PCIROOT(%X)#PCI(0000)", 0x16 + number),
    os_pci_control = definition.os_pci_control ~= false,
    definition = definition,
  }
  world.node_list[number] = node
  world.node_by_name[definition.name] = node
  node.files = files.new(world, node)
  node.pnp = pnp.new(world, node)
  node.hyperv = hyperv.new(world, node, definition)
  node.board_record = world.fabric:add_board(node, definition)
  for i, device in ipairs(definition.devices or {}) do
    node.pnp:add_onboard(device, i)
  end
end

-- Slots, with those that nodes have prepared (driver disabled) known to them.
local function add_slots(world, definitions)
  for _, definition in ipairs(definitions) do
    world.fabric:add_slot(definition)
  end
  for _, node in ipairs(world.node_list) do
    for _, id in ipairs(node.definition.disabled or {}) do
      local slot = world.fabric:device(id)
      slot.port = world.fabric:reserve_port(node.board_record, slot).number
      node.pnp:remember_disabled(slot)
    end
  end
end

local DEFAULTS = {
  generation = 2,
  version = "10.0",
  notes = "",
  stop_action = 3,
  start_action = 3,
  recovery_action = 3,
  critical_action = 1,
  cache_types = false,
  low_mmio = 128,
  high_mmio = 512,
  checkpoints = 3,
  memory = 4096,
  dynamic_memory = false,
  processors = 4,
  is_saved = false,
}
local PREPARED = { stop_action = 2, cache_types = true, low_mmio = 3072, high_mmio = 33280 }

local function config_of(world, definition)
  local config = {
    name = definition.called or definition.name, root = definition.root, created = world:dmtf(),
  }
  config.snapshot_root, config.swap_root = definition.root, definition.root
  for name, default in next, DEFAULTS do
    local value = definition[name]
    if value == nil then
      value = default
    end
    if definition.prepared and PREPARED[name] ~= nil then
      value = PREPARED[name]
    end
    config[name] = value
  end
  config.disks, config.adapters, config.assignments, config.partitions = {}, {}, {}, {}
  for i, path in ipairs(definition.disks or {}) do
    local id = string.format("Microsoft:%s\\" .. GUID, definition.id, 0xD15C0000, i)
    config.disks[i] = { id = id, path = path, kind = path:lower():match("%.iso$") and "iso"
      or "disk" }
  end
  for i, switch in ipairs(definition.adapters or {}) do
    local id = string.format("Microsoft:%s\\" .. GUID, definition.id, 0xE0E00000, i)
    config.adapters[i] = { id = id, name = "Network Adapter", switch = switch, connected = true }
  end
  return config
end

-- On the disk of its path, whoever owns it.
local function write_file(world, node, path, size)
  local letter = path:sub(1, 1):upper()
  local disk = world.disks[letter] or node.files.own[letter]
  if not disk then
    error("lab: there is no disk for " .. path, 0)
  end
  return node.files:write_on(disk, path, size)
end

-- Assigned at the beginning: connected, disabled, dismounted, given to the virtual machine.
local function assign_at_begin(world, node, vm, ids)
  for _, id in ipairs(ids) do
    local slot = world.fabric:device(id)
    slot.group_id = node.board_record.group_id
    slot.wanted = world.fabric:wanted_board(slot)
    if not slot.board then
      world.fabric:attach(slot, slot.wanted)
    end
    node.pnp:appear(slot)
    for _, entry in ipairs(node.pnp.entries) do
      if entry.slot == slot and entry.fn.class:sub(1, 2) ~= "06" then
        entry.disabled = true
        node.pnp.disabled[entry.id] = true
        if entry.fn.class:sub(1, 2) == "03" then
          entry.dismounted, entry.listed = true, true
          table.insert(vm.config.assignments, {
            id = "Microsoft:" .. vm.id .. "\\" .. world:new_guid(),
            instance = entry.dismounted_id,
            location = entry.location,
            host = node.name,
          })
        end
      end
    end
  end
end

local function add_vm(world, definition)
  local id = definition.id:upper()
  world.vm_list[#world.vm_list + 1] = { id = id, name = definition.name }
  local config = config_of(world, definition)
  local registered = definition.registered or {}
  registered = type(registered) == "string" and { registered } or registered
  local first = world.node_list[1]
  if not world.disks[config.root:sub(1, 1):upper()] then -- a disk of the node's own
    first = world.node_by_name[registered[1]] or first
  end
  local path = first.hyperv:config_path(config.root, id)
  local entry = write_file(world, first, path, 54322)
  entry.config, entry.vm_id = config, id
  write_file(world, first, (path:gsub("%.vmcx$", ".vmrs")), 61440).saved = definition.saved_file
  for _, disk in ipairs(config.disks) do
    write_file(world, first, disk.path, 40 << 30)
  end
  for i, name in ipairs(registered) do
    local node = world.node_by_name[name]
    local vm = node.hyperv:register(id, config, path)
    if i == 1 then
      assign_at_begin(world, node, vm, definition.devices or {})
      if definition.running then
        node.hyperv:begin_running(vm)
      end
    end
  end
end

-- Lays changes over the cluster's definition, by name; see docs/lab.md.
---@param options WorldOptions
---@return World
function M.new(options)
  local cluster = options.cluster
  local world = setmetatable({
    by = "?",
    clock = clock.new(options.clock),
    epoch = options.epoch or 1767225600, -- 2026-01-01, the world's first second
    node_list = {},
    node_by_name = {},
    disk_list = {},
    disks = {},
    vm_list = {},
    guests = {},
    guid_count = 0,
    latency = options.latency == 0 and no_latency()
      or overlay(M.latency, cluster.latency, "latency"),
    switches = overlay(M.switches, cluster.switches, "switch"),
  }, World)
  world.begun = world.clock.time
  world.invariants = invariants.new(world)
  world.faults = faults.new(world)
  world.fabric = fabric.new(world)
  if type(options.latency) == "table" then
    world.latency = overlay(world.latency, options.latency, "latency")
  end
  world.switches = overlay(world.switches, options.switches, "switch")
  add_disks(world, cluster)
  for _, definition in ipairs(definition_of.entries(cluster, "nodes", options.nodes)) do
    add_node(world, definition)
  end
  add_slots(world, definition_of.entries(cluster, "devices", options.devices))
  world.fabric:begin()
  for _, slot in ipairs(world.fabric.slots) do
    if slot.board then
      world:node(world.fabric.by_id[slot.board].node).pnp:appear(slot)
    end
  end
  for _, definition in ipairs(definition_of.entries(cluster, "vms", options.vms)) do
    add_vm(world, definition)
  end
  for _, node in ipairs(world.node_list) do
    if node.up then
      node.hyperv:files_changed()
    end
  end
  world.invariants.changes = {} -- what was is no change
  return world
end

-- A world that stands where this one stands and goes its own way from here, on another source of
-- time. What was changed until now is not told once more. That is all that there is to it because a
-- world is plain tables: what is to happen names functions that have no state of their own
-- (lab/world/clock.lua).
---@param source { now: fun(): number }
---@return World
function World:copy(source)
  return graph.copy(self, { [self.clock.source] = source, [self.invariants.changes] = {} })
end

-- Applies what is due. Before every request.
function World:advance()
  self.by = "world"
  self.clock:advance()
end

---@return number? time of the next event
function World:next_event()
  return self.clock:next_event()
end

function World:eem()
  return self.sight and self.sight:eem(self.fabric) or self.fabric
end

-- The node that answers where this one is asked for: itself, or another one under its address.
function World:at(name)
  return self.node_by_name[self.poses and self.poses[name] or name]
end

function World:node(name)
  return self.node_by_name[name]
end

function World:nodes()
  return self.node_list
end

---@return { id: string, text: string, time: number }[]
function World:violations()
  return self.invariants.violations
end

function World:truth()
  return self.invariants:truth()
end

-- Does what an administrator or an accident does (docs/lab.md).
function World:admin(verb, arguments)
  return nodes.admin(self, verb, arguments)
end

-- Whether a call to "eem" or to a node can arrive at all.
function World:reachable(target)
  if target == "eem" then
    return self.fabric.up
  end
  local node = self:at(target)
  return node ~= nil and node.up
end

function World:log(where, verb, target, detail)
  self.invariants:change(where, verb, target, detail)
end

function World:new_guid()
  self.guid_count = self.guid_count + 1
  return string.format(GUID, 0xFEED0000, self.guid_count)
end

-- How the guest of a virtual machine behaves, on whatever node it runs.
function World:guest_of(id)
  local guest = self.guests[id]
  if not guest then
    guest = {}
    self.guests[id] = guest
  end
  return guest
end

function World:set_switch(name, value)
  if M.switches[name] == nil then
    errors.http(400, "40000", "there is no switch '%s'", tostring(name))
  end
  self.switches[name] = value
end

function World:set_latency(name, value)
  if M.latency[name] == nil then
    errors.http(400, "40000", "there is no latency '%s'", tostring(name))
  end
  self.latency[name] = value
end

-- The world's calendar: seconds since 1970 of a time on its clock (default: now).
function World:wall(time)
  return self.epoch + (time or self.clock.time) - self.begun
end

function World:milliseconds()
  return math.floor(self:wall() * 1000)
end

local dmtf = kept(function(wall)
  local whole = math.floor(wall)
  return os.date("!%Y%m%d%H%M%S", whole)
    .. string.format(".%06d+000", math.floor((wall - whole) * 1000000))
end)

-- A time on its clock as WMI writes it.
function World:dmtf(time)
  return dmtf(self:wall(time))
end

return M
