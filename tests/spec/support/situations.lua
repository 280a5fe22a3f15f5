-- Situations for the specs of placement and for bench/placement.lua: made by hand, or from a seed.
local M = {}

local GIB = 1024 * 1024 * 1024

-- A card 10de:1f08 that is free, with what is given.
function M.card(id, fields)
  local device = {
    id = id, title = id, kind = "card", state = "free", labels = {}, vendor = "10de",
    device = "1f08", class = "030000", identity = "eem", link = "down", power = "on",
    reachable = true, cost = 0,
  }
  for key, value in pairs(fields or {}) do
    device[key] = value
  end
  if device.node and (not fields or not fields.state) then
    device.state, device.link = "held", "up"
  end
  return device
end

-- A GPU of a server, given in shares.
function M.shared(node, name, fields)
  local device = {
    id = node .. "/" .. name, title = name .. " of " .. node, kind = "partitionable",
    state = "free", labels = {}, vendor = "10de", device = "25b6", identity = "node", node = node,
    total_vram = 16 * GIB, free_vram = 16 * GIB, partitions = 0, most = 8, reachable = true,
  }
  for key, value in pairs(fields or {}) do
    device[key] = value
  end
  return device
end

function M.node(name, fields)
  local node = { name = name, reachable = true, held = 0, drained = false }
  for key, value in pairs(fields or {}) do
    node[key] = value
  end
  return node
end

-- A request: criteria, or a list of alternatives; options: count, min, same_box, different_box.
function M.request(criteria, options)
  options = options or {}
  local count = options.count or 1
  return {
    count = count, min = options.min or count, same_box = options.same_box or false,
    different_box = options.different_box or false,
    alternatives = criteria[1] and criteria or { criteria }, title = options.title or "a card",
  }
end

function M.vm(key, requests, fields)
  local vm = {
    key = key, name = key, priority = 0, state = "off", running = false, devices = {},
    requests = requests or { M.request({ vendor = "10de", device = "1f08" }) },
  }
  for name, value in pairs(fields or {}) do
    vm[name] = value
  end
  return vm
end

-- Puts the parts together: held counts, what machines have, in the order of the inventory.
function M.situation(devices, nodes, vms)
  local by_node, by_vm = {}, {}
  for _, node in ipairs(nodes) do
    by_node[node.name], node.held = node, 0
  end
  for _, vm in ipairs(vms) do
    by_vm[vm.key], vm.devices = vm, {}
  end
  for _, device in ipairs(devices) do
    local node = device.node and by_node[device.node]
    if node and device.kind == "card" then
      node.held = node.held + 1
    end
    local vm = device.vm and by_vm[device.vm]
    if vm then
      device.vm_running = vm.running
      vm.devices[#vm.devices + 1] = device.id
    end
  end
  local function by(field)
    return function(a, b)
      return a[field] < b[field]
    end
  end
  table.sort(devices, by("id"))
  table.sort(nodes, by("name"))
  table.sort(vms, by("key"))
  return { devices = devices, nodes = nodes, vms = vms, warnings = {} }
end

return M
