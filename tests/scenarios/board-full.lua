story "The node's board has no port left: refused, and nothing else is pushed aside"

local seed = require("lab.clusters.seed")
local node = {}
for key, value in pairs(seed.nodes[1]) do
  node[key] = value
end
node.max_devices = 1
local small = { nodes = { node, seed.nodes[2] }, devices = seed.devices, disks = seed.disks, vms = seed.vms }
cluster { base = small, devices = { ["0x8cdf9d911c62"] = { group_id = 50 } } }
expect(start("vme2", "ms1"), { exit = "refused", says = "no more fit" })
expect_device("0x8cdf9d911c62", "ms1")
expect_device("0x8cdf9d911c60", "free")
