-- The servers and virtual machines of quad, with a card more than machines, all of one model: for
-- the explorer, where the machines ask by description. Each card keeps its port on whichever board,
-- so that its places can be declared.
local quad = require("lab.clusters.quad")

local COUNT = 4

local cluster = {}
for key, value in pairs(quad) do
  cluster[key] = value
end
cluster.name, cluster.devices = "pool", {}
for i = 1, COUNT do
  cluster.devices[i] = {
    id = string.format("0x8cdf9d911c%x", 0x60 + 2 * (i - 1)), serial = "EEIO" .. i, port = i,
    functions = quad.devices[1].functions,
  }
end

-- Where each node shows the card in a slot.
function cluster.location(node, slot)
  return string.format("%s#PCI(%02X00)#PCI(0000)", node.location_root, slot.port - 1)
end

return cluster
