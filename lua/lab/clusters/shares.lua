-- The worked example's cluster, in which each server also has a card of its own that can be shared
-- (Hyper-V GPU partitioning). Made up, like an NVIDIA A16 with 4 GiB.
local seed = require("lab.clusters.seed")

local CARD = {
  vendor = "10de", device = "25b6", class = "030200", subsystem = "14A910DE", name = "NVIDIA A16",
  pnp_class = "Display", manufacturer = "NVIDIA", service = "nvlddmkm",
  location = "PCIROOT(0)#PCI(0300)#PCI(0000)",
  partitions = { counts = { 1, 2, 4 }, vram = 4 << 30 },
}

local function copy(t)
  local result = {}
  for key, value in pairs(t) do
    result[key] = value
  end
  return result
end

local cluster = copy(seed)
cluster.name, cluster.nodes = "shares", {}
for i, node in ipairs(seed.nodes) do
  cluster.nodes[i] = copy(node)
  cluster.nodes[i].devices = table.move(node.devices, 1, #node.devices, 1, {})
  table.insert(cluster.nodes[i].devices, CARD)
end

return cluster
