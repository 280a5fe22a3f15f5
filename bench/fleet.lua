-- What `takeover gpu list` asks of a large fleet, over real HTTP: requests, for bench/run.
--
--   takeover run bench/fleet.lua [nodes] [machines]
--
-- Every node has a GPU of its own in its group, and its share of the machines; those that have a
-- GPU have it assigned.
local fs = require("fs")
local loop = require("loop")
local process = require("process")
local server = require("lab.server")

local PROGRAM = "/proc/self/exe"
local GOAL = 400

local function cluster_of(nodes, machines)
  local made = { name = "large", nodes = {}, devices = {}, disks = {}, vms = {} }
  for i = 1, nodes do
    local name, device = ("ms%d"):format(i), ("0x8cdf9d92%04x"):format(i)
    made.nodes[i] = {
      name = name, address = "127.0.0.1", group_id = 50 + i, memory = 1 << 20,
      board = ("0x8cdf9d91%04x"):format(i), max_devices = 16, switches = { "vSwitch" },
      location_root = "PCIROOT(3A)#PCI(0000)#PCI(0000)", devices = {},
    }
    made.devices[i] = {
      id = device, serial = ("S%d"):format(i),
      functions = {
        {
          vendor = "10de", device = "1f08", class = "030000", subsystem = "86F11043",
          manufacturer = "NVIDIA", name = "NVIDIA GeForce RTX 2060", pnp_class = "Display",
          service = "nvlddmkm", low_mmio = 288, high_mmio = 8448, needs_force = true,
        },
      },
    }
  end
  for i = 1, machines do
    local node = (i - 1) % nodes + 1
    local first = i <= nodes
    local root = ("C:\\Hyper-V\\vm%d"):format(i) -- every node has its own C:
    made.vms[i] = {
      name = ("vm%d"):format(i), id = ("7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F%04X"):format(i),
      root = root, disks = { root .. "\\disk.vhdx" }, adapters = { "vSwitch" }, generation = 2,
      memory = 1024, processors = 2, registered = ("ms%d"):format(node), prepared = true,
      devices = first and { made.devices[node].id } or nil,
    }
  end
  return made
end

local function parameters_of(cluster, addresses)
  local text = { ('return { eem = { url = "%s", auth = "none" }, nodes = {'):format(addresses.eem) }
  for _, node in ipairs(cluster.nodes) do
    text[#text + 1] = ('%s = { group_id = %d, wmi = { url = "%s" } },'):format(node.name,
      node.group_id, addresses.nodes[node.name].url)
  end
  text[#text + 1] = "}, vms = {"
  for _, vm in ipairs(cluster.vms) do
    text[#text + 1] = ('%s = { path = [[%s]], gpus = { { vendor = "10de" } } },'):format(vm.name,
      vm.root)
  end
  text[#text + 1] = "} }"
  return table.concat(text, "\n")
end

local function main(nodes, machines)
  local cluster = cluster_of(nodes, machines)
  local lab = server.start({ cluster = cluster, latency = 0 })
  local scratch = process.run({ "mktemp", "-d" }).stdout:gsub("\n", "")
  fs.write(scratch .. "/parameters.lua", parameters_of(cluster, lab:addresses()))
  local began = loop.now()
  local result = process.run({
    PROGRAM, "gpu", "list", timeout = 300, env = {
      TAKEOVER_PARAMETERS = scratch .. "/parameters.lua", TAKEOVER_STATE = scratch .. "/state",
      TAKEOVER_NODE = "ms1",
    },
  })
  local took, total = loop.now() - began, lab.eem_face.requests
  for _, node in pairs(lab.nodes) do
    total = total + node.face.requests
  end
  if os.getenv("BENCH_DETAILS") then
    for word, count in pairs(lab.world.faults.counters.ms1) do
      print(count, word)
    end
  end
  lab:close()
  process.run({ "rm", "-r", scratch })
  if result.code ~= 0 then
    error(result.stdout .. result.stderr, 0)
  end
  print(("`takeover gpu list`, %d nodes and %d machines."):format(nodes, machines))
  print(("%d requests (goal: at most %d), %.1f s"):format(total, GOAL, took))
end

main(math.tointeger(tonumber((...) or 63)), math.tointeger(tonumber((select(2, ...)) or 1000)))
