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

---- from a seed ----------------------------------------------------------------------------------

-- Numbers from a seed that are the same everywhere (xorshift).
function M.dice(seed)
  local state = seed * 2654435761 + 88172645463325252
  return function(from, to)
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return from + (state >> 1) % (to - from + 1)
  end
end

local MODELS = { { "10de", "1f08" }, { "10de", "1db6" }, { "1002", "73bf" } }
local PURPOSES = { "training", "inference" }

local function random_card(roll, i, nodes, options)
  local model = MODELS[roll(1, options.models or 3)]
  local device = M.card(("0x%012x"):format(0x8cdf9d000000 + i), {
    vendor = model[1], device = model[2], box = "box" .. roll(1, options.boxes or 2),
    cost = roll(0, 3),
    labels = { purpose = PURPOSES[roll(1, 3)] },
  })
  local fate = roll(1, 12)
  if fate == 1 then
    device.state = "quarantined"
  elseif fate == 2 then
    device.state = "missing"
  elseif fate <= 5 then
    device.state, device.node, device.link = "held", nodes[roll(1, #nodes)].name, "up"
  end
  return device
end

local function random_criteria(roll, ids, options)
  local fate = roll(1, 12)
  local model = MODELS[roll(1, options.models or 3)]
  if fate == 1 then
    return { id = ids[roll(1, #ids)] }
  elseif fate == 2 and (options.shares or 0) > 0 then
    return { partition = { vram = roll(1, 3) * 4 * GIB } }
  elseif fate <= 4 then
    return { labels = { purpose = PURPOSES[roll(1, 2)] } }
  elseif fate <= 6 then
    return { vendor = model[1] }
  end
  return { vendor = model[1], device = model[2], labels = roll(1, 3) == 1
    and { purpose = PURPOSES[roll(1, 2)] } or nil }
end

local function random_request(roll, ids, options)
  local criteria = { random_criteria(roll, ids, options) }
  if not criteria[1].id and roll(1, 4) == 1 then
    criteria[2] = random_criteria(roll, ids, options)
  end
  for _, one in ipairs(criteria) do
    if one.id or options.single then
      return M.request(criteria)
    end
  end
  local count = roll(1, 4) == 1 and roll(2, 3) or 1
  local rule = roll(1, 6)
  return M.request(criteria, {
    count = count, min = roll(1, 3) == 1 and 1 or count, same_box = count > 1 and rule == 1,
    different_box = count > 1 and rule == 2,
  })
end

local function random_vm(roll, i, ids, nodes, options)
  local requests = { random_request(roll, ids, options) }
  if not options.single and roll(1, 6) == 1 then
    requests[2] = random_request(roll, ids, options)
  end
  local vm = M.vm(("vm%04d"):format(i), requests, { priority = roll(0, options.priorities or 2) })
  if roll(1, 4) == 1 then
    vm.nodes = { nodes[roll(1, #nodes)].name }
    local second = nodes[roll(1, #nodes)].name
    if second ~= vm.nodes[1] then
      vm.nodes[2] = second
    end
  end
  vm.node = roll(1, 2) == 1 and nodes[roll(1, #nodes)].name or nil
  return vm
end

-- Lets some machines run on what fits them, so that a plan finds the world in use.
local function put_to_work(roll, situation, share)
  local judge = require("failover.placement").judge
  for _, vm in ipairs(situation.vms) do
    local request = vm.requests[1]
    if #vm.requests == 1 and request.count == 1 and roll(1, 100) <= share then
      for _, device in ipairs(situation.devices) do
        if device.kind == "card" and not device.vm
          and not judge(request.alternatives[1], device, { situation = situation }) then
          local node = situation.nodes[roll(1, #situation.nodes)]
          device.state, device.node = "held", node.name
          device.link = roll(1, 8) == 1 and "down" or "up"
          device.vm, vm.node, vm.running, vm.state = vm.key, node.name, true, "running"
          break
        end
      end
    end
  end
end

-- options: devices, nodes, vms, boxes, shares, single (one card per machine), capacity, running
-- (per cent), priorities, models (1 to 3)
function M.random(seed, options)
  local roll = M.dice(seed)
  local nodes, devices, vms, ids = {}, {}, {}, {}
  for i = 1, options.nodes do
    nodes[i] = M.node(("ms%03d"):format(i), {
      reachable = roll(1, 10) > 1, drained = roll(1, 10) == 1,
      capacity = options.capacity ~= false and (options.capacity or roll(1, 4)) or nil,
    })
  end
  for i = 1, options.devices do
    devices[i] = random_card(roll, i, nodes, options)
    ids[i] = devices[i].id
  end
  for i = 1, options.shares or 0 do
    local node = nodes[roll(1, #nodes)].name
    devices[#devices + 1] = M.shared(node, "gpu" .. i, {
      most = roll(1, 4), free_vram = roll(1, 4) * 4 * GIB,
    })
  end
  for i = 1, options.vms do
    vms[i] = random_vm(roll, i, ids, nodes, options)
  end
  local situation = M.situation(devices, nodes, vms)
  put_to_work(roll, situation, options.running or 30)
  return M.situation(devices, nodes, vms)
end

-- A site of a size as it may be found: a few models, purposes as labels, some static machines, most
-- with one card, boards for 16 cards, boxes with 8 slots; everything free or off.
function M.site(seed, count, options)
  options = options or {}
  local roll = M.dice(seed)
  local nodes, devices, vms = {}, {}, {}
  for i = 1, options.nodes or math.max(2, math.ceil(count / 15)) do
    nodes[i] = M.node(("ms%03d"):format(i), { capacity = 16 })
  end
  for i = 1, count do
    local model = MODELS[roll(1, 3)]
    devices[i] = M.card(("0x%012x"):format(0x8cdf9d000000 + i), {
      vendor = model[1], device = model[2], box = ("box%03d"):format((i - 1) // 8 + 1),
      labels = { purpose = PURPOSES[roll(1, 3)], generation = tostring(roll(1, 4)) },
    })
  end
  for i = 1, count do
    local model, fate = MODELS[roll(1, 3)], roll(1, 20)
    local criteria
    if fate == 1 then
      criteria = { id = devices[i].id }
    elseif fate <= 6 then
      criteria = { vendor = model[1], device = model[2] }
    elseif fate <= 12 then
      criteria = { vendor = model[1], labels = { purpose = PURPOSES[roll(1, 2)] } }
    elseif fate <= 16 then
      criteria = { labels = { generation = tostring(roll(1, 4)) } }
    else
      criteria = { { vendor = model[1], device = model[2], labels = { purpose = "training" } },
        { vendor = "10de" } }
    end
    vms[i] = M.vm(("vm%05d"):format(i), { M.request(criteria, { title = "a card" }) },
      { priority = roll(0, 3) })
  end
  return M.situation(devices, nodes, vms)
end

return M
