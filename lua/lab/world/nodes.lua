-- Servers and cluster disks: power, booting, who owns a disk; and the administrator's verbs, with
-- which tests move the world by hand.
local errors = require("lab.world.errors")

local M = {}

-- Power fails. Order matters: what ran stops before its device leaves.
function M.kill(world, node, board_stays_on)
  if not node.power then
    return false
  end
  node.power, node.up = false, false
  node.epoch = node.epoch + 1
  world:log(node.name, "power lost", node.name)
  node.hyperv:power_lost()
  node.pnp:clear()
  if not board_stays_on then
    world.fabric:board_power(node.board_record, false)
  end
  for _, disk in ipairs(world.disk_list) do
    if disk.owner == node.name then
      M.own_disk(world, disk, nil)
    end
  end
  return true
end

local function booted(world, node, epoch)
  if node.epoch ~= epoch then
    return
  end
  node.up = true
  world:log(node.name, "booted", node.name)
  for _, slot in ipairs(world.fabric.slots) do
    node.pnp:appear(slot)
  end
  node.hyperv:booted()
end

function M.boot(world, node)
  if node.power then
    return false
  end
  node.power = true
  node.epoch = node.epoch + 1
  world:log(node.name, "power on", node.name)
  world.fabric:board_power(node.board_record, true)
  world.clock:after(world.latency.node_boot, booted, world, node, node.epoch)
  return true
end

-- The cluster gives a shared disk to a node, or takes it from all.
function M.own_disk(world, disk, owner)
  if disk.owner == owner then
    return false
  end
  disk.owner = owner
  world:log("cluster", "move disk", disk.name, owner)
  for _, entry in next, disk.entries do
    entry.user = nil -- whoever had it open has lost it
  end
  for _, node in ipairs(world.node_list) do
    if node.up then
      node.hyperv:files_changed()
    end
  end
  return true
end

-- The administrator's verbs ---------------------------------------------------------------------

local verbs = {}

local function need(value, what)
  if value == nil then
    errors.http(400, "40000", "%s is missing", what)
  end
  return value
end

local function need_node(world, arguments)
  local node = world:node(need(arguments.node, "node"))
  if not node then
    errors.http(404, "40400", "there is no node '%s'", tostring(arguments.node))
  end
  return node
end

-- Registrations of a virtual machine, by name or GUID.
local function need_vm(world, arguments)
  local wanted = need(arguments.vm, "vm")
  for _, known in ipairs(world.vm_list) do
    if known.id == wanted:upper() or known.name == wanted then
      return known.id
    end
  end
  errors.http(404, "40400", "there is no virtual machine '%s'", wanted)
end

function verbs.truth(world)
  return world:truth()
end

function verbs.violations(world)
  return { violations = world:violations() }
end

function verbs.changes(world)
  return { changes = world.invariants.changes }
end

function verbs.faults(world)
  return { faults = world.faults:list() }
end

function verbs.kill(world, arguments)
  return { changed = M.kill(world, need_node(world, arguments), arguments.board == "on") }
end

function verbs.boot(world, arguments)
  return { changed = M.boot(world, need_node(world, arguments)) }
end

verbs["move disk"] = function(world, arguments)
  local disk = world.disks[need(arguments.disk, "disk"):sub(1, 1):upper()]
  if not disk then
    errors.http(404, "40400", "there is no disk '%s'", arguments.disk)
  end
  local owner = arguments.node and need_node(world, arguments)
  if owner and not owner.up then
    errors.http(400, "40000", "node %s is down", owner.name)
  end
  return { changed = M.own_disk(world, disk, owner and owner.name) }
end

local GUEST_SETTINGS = { "locked", "ignores", "shutdown", "silent", "broken_driver", "heartbeat",
  "publisher", "undated" }

function verbs.guest(world, arguments)
  local guest = world:guest_of(need_vm(world, arguments))
  for _, name in ipairs(GUEST_SETTINGS) do
    if arguments[name] ~= nil then
      guest[name] = arguments[name] or nil
    end
  end
  return { guest = guest }
end

-- A registration is shown in a state that it is not in: numbers as WMI has them; none: as it is.
function verbs.shows(world, arguments)
  local node, id = need_node(world, arguments), need_vm(world, arguments)
  local vm = node.hyperv.by_id[id]
  if not vm then
    errors.http(404, "40400", "%s is not registered on %s", arguments.vm, node.name)
  end
  local shown = {}
  for _, name in ipairs({ "enabled_state", "health_state", "operational_status" }) do
    shown[name] = arguments[name]
  end
  vm.shown = next(shown) ~= nil and shown or nil
  return shown
end

-- ExpEther Manager shows a board's power otherwise than it is; none: as it is.
function verbs.board(world, arguments)
  need_node(world, arguments).board_record.shown_power = arguments.shown
  return {}
end

-- Another node answers under a node's address; none: it does itself.
verbs["answers as"] = function(world, arguments)
  local node = need_node(world, arguments)
  local as = arguments.as and need_node(world, { node = arguments.as })
  world.poses = world.poses or {}
  world.poses[node.name] = as and as.name
  return {}
end

local function each_active(world, id, fn)
  local changed = false
  for _, node in ipairs(world.node_list) do
    local vm = node.hyperv:find(id)
    if vm and node.hyperv:active(vm) then
      fn(node.hyperv, vm)
      changed = true
    end
  end
  return { changed = changed }
end

verbs["crash guest"] = function(world, arguments)
  return each_active(world, need_vm(world, arguments), function(hyperv, vm)
    hyperv:crash(vm)
  end)
end

verbs["stop vm"] = function(world, arguments)
  return each_active(world, need_vm(world, arguments), function(hyperv, vm)
    hyperv:stopped(vm)
    world:log(vm.node, "turn off", vm.id)
  end)
end

function verbs.device(world, arguments)
  local fabric = world.fabric
  local id = need(arguments.id, "id")
  local device = fabric.forgotten[id] or fabric:device(id)
  if arguments.group_id then
    fabric:regroup(device, math.tointeger(arguments.group_id))
  end
  for _, name in ipairs({ "power", "reachable", "quarantined" }) do
    if arguments[name] ~= nil and device[name] ~= arguments[name] then
      device[name] = arguments[name]
      world:log("eem", name, device.id, tostring(arguments[name]))
    end
  end
  if arguments.power == "off" then
    device.problem = nil -- a card that hangs is reset by this, and by nothing less
  elseif arguments.problem then
    device.problem = arguments.problem ~= 0 and math.tointeger(arguments.problem) or nil
  end
  fabric:come_back(device)
  fabric:settle_all()
  world.invariants:check_devices()
  return fabric:detail(device)
end

function verbs.box(world, arguments)
  local box, power = need(arguments.box, "box"), need(arguments.power, "power")
  local known = false
  for _, slot in ipairs(world.fabric.slots) do
    known = known or slot.box == box
  end
  if not known then
    errors.http(404, "40400", "there is no box '%s'", tostring(box))
  elseif power ~= "on" and power ~= "off" then
    errors.http(400, "40000", "power is on or off, not '%s'", tostring(power))
  end
  local changed = world.fabric:box_power(box, power == "on")
  for _, id in ipairs(changed) do
    world:log("eem", "power", id, power)
  end
  world.invariants:check_devices()
  return { changed = #changed > 0 }
end

function verbs.eem(world, arguments)
  world.fabric.up = need(arguments.up, "up")
  return { up = world.fabric.up }
end

function verbs.set(world, arguments)
  for name, value in next, arguments.switches or {} do
    world:set_switch(name, value)
  end
  for name, value in next, arguments.latency or {} do
    world:set_latency(name, value)
  end
  return { switches = world.switches, latency = world.latency }
end

verbs["add fault"] = function(world, arguments)
  return { id = world.faults:add(arguments) }
end

verbs["remove fault"] = function(world, arguments)
  return { changed = world.faults:remove(arguments.id) }
end

verbs["clear faults"] = function(world)
  world.faults:clear()
  return {}
end

verbs["delete file"] = function(world, arguments)
  local node = need_node(world, arguments)
  local entry = node.files:find(need(arguments.path, "path"))
  if not entry then
    errors.http(404, "40400", "there is no file '%s'", arguments.path)
  end
  node.files:remove(entry)
  world:log(node.name, "delete file", entry.path)
  node.hyperv:files_changed()
  return {}
end

function M.admin(world, verb, arguments)
  local fn = verbs[verb]
  if not fn then
    errors.http(404, "40400", "there is no verb '%s'", tostring(verb))
  end
  local by = world.by
  world.by = "administrator"
  local ok, result = pcall(fn, world, arguments or {})
  world.by = by
  if not ok then
    error(result, 0)
  end
  return result
end

return M
