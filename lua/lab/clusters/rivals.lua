-- Two servers, two virtual machines on disks of their own, and one card that both ask for by
-- description: for the explorer, where both are started at the same instant.
local seed = require("lab.clusters.seed")

return {
  name = "rivals",
  nodes = seed.nodes,
  devices = { seed.devices[1] },
  disks = { { name = "G:", owner = "ms1" }, { name = "H:", owner = "ms2" } },
  vms = {
    seed.vms[1],
    {
      name = "vme3", id = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A43", root = [[H:\Hyper-V\vme3]],
      disks = { [[H:\Hyper-V\vme3\Virtual Hard Disks\vme3.vhdx]] }, adapters = { "vSwitch" },
      generation = 2, memory = 16384, processors = 8, registered = "ms2",
    },
  },
}
