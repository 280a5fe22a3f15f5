-- The inventory against the truth of many made-up moments: what is said to be idle is not in use,
-- and who is said to have a device has it.
local fleet = require("support.fleet")

local IDS = {
  fleet.A1, fleet.A2, fleet.A3, fleet.A4, fleet.B1, fleet.B2, fleet.B3, fleet.B4, fleet.C1,
  fleet.C2,
}
local VMS = { "train1", "sim1", "legacy", "desk1", "desk2", "big" }
local GROUPS = { 50, 150, 250, 350, 4093, 4093, 777 }

-- Numbers of a seed, the same everywhere.
local function numbers(seed)
  local state = seed * 2654435761 % 4294967296
  return function(most)
    state = (state * 1664525 + 1013904223) % 4294967296
    return state // 65536 % most + 1
  end
end

-- The fleet with disks where the machines are, which take any two devices.
local function cluster_for(vms)
  local cluster = {}
  for name, value in pairs(require("lab.clusters.fleet")) do
    cluster[name] = value
  end
  cluster.disks, cluster.vms = {}, {}
  for i, definition in ipairs(require("lab.clusters.fleet").vms) do
    local vm = {}
    for name, value in pairs(definition) do
      vm[name] = value
    end
    vm.prepared, vm.stop_action, vm.cache_types = false, 2, true
    vm.low_mmio, vm.high_mmio = 3072, 262144
    cluster.vms[i] = vm
    cluster.disks[i] = { name = vm.root:sub(1, 2), owner = vms[vm.name].registered }
  end
  return cluster
end

-- Machines with any devices on any node, other devices in any group, then an accident or two.
local function moment(seed)
  local random = numbers(seed)
  local free, devices, vms, admin = { table.unpack(IDS) }, {}, {}, {}
  for _, name in ipairs(VMS) do
    local vm = { registered = "ms" .. random(4), devices = {}, running = random(3) > 1 }
    for _ = 1, random(3) - 1 do
      if #free > 0 then
        table.insert(vm.devices, table.remove(free, random(#free)))
      end
    end
    vms[name] = vm
  end
  for _, id in ipairs(free) do
    devices[id] = { group_id = GROUPS[random(#GROUPS)] }
  end
  local accident = random(6)
  if accident == 1 then
    admin[1] = { "kill", { node = "ms" .. random(4) } }
  elseif accident == 2 then
    admin[1] = { "box", { box = "box" .. random(3), power = "off" } }
  elseif accident == 3 then
    admin[1] = { "device", { id = IDS[random(#IDS)], group_id = GROUPS[random(4)] } }
  end
  return {
    cluster = cluster_for(vms), vms = vms, devices = devices, admin = admin,
    after = random(2) == 1 and 60 or 0,
  }
end

local function state_of(group_id)
  local node = group_id == 50 and "ms1" or group_id == 150 and "ms2" or group_id == 250 and "ms3"
    or group_id == 350 and "ms4" or nil
  return group_id == 4093 and "free" or node and "held" or "foreign", node
end

-- { id -> name of the running machine that has it }, { id -> group }
local function truth_of(world)
  local users, groups = {}, {}
  local truth = world:truth()
  for _, vm in ipairs(truth.vms) do
    for _, id in ipairs(vm.devices) do
      users[id] = vm.name
    end
  end
  for _, device in ipairs(truth.devices) do
    groups[device.id] = device.group_id
  end
  return users, groups
end

describe("the inventory of any moment", function()
  it("agrees with the truth", function()
    local used, doubtful = 0, 0
    for seed = 1, 150 do
      local situation, seen = fleet.read(moment(seed))
      local users, groups = truth_of(seen.world)
      local at = "moment " .. seed .. ", "
      assert.are.equal(#IDS, #situation.devices)
      for _, device in ipairs(situation.devices) do
        local state, node = state_of(groups[device.id])
        local where = at .. device.id
        assert.are.equal(state, device.state, where)
        assert.are.equal(node, device.node, where)
        local user = users[device.id]
        local holder = fleet.find(situation.nodes, "name", node or "")
        local told = holder ~= nil and holder.reachable
        if user and told and device.identity ~= "unknown" then
          assert.is_true(device.vm_running, where .. " is used by " .. user)
          used = used + 1
        end
        if device.vm_running and not device.users then
          assert.are.equal(user, device.vm, where)
        elseif device.users then
          doubtful = doubtful + 1
        end
        if user and device.users then
          assert.is_truthy((" " .. table.concat(device.users, " ") .. " "):find(" " .. user .. " ",
            1, true), where)
        end
      end
      for _, vm in ipairs(situation.vms) do
        for _, id in ipairs(vm.running and vm.devices or {}) do
          assert.are.equal(vm.key, users[id], at .. vm.key .. " has " .. id)
        end
      end
    end
    assert.is_true(used > 250, used .. " uses")
    assert.is_true(doubtful > 50, doubtful .. " doubts")
  end)
end)
