story "Two VMs run on one node with equal cards, and nobody knows which is whose: a start of each finds it running and changes nothing"

local seed = require("lab.clusters.seed")
local described = { { vendor = "10de", device = "1f08" } }
cluster {
  more = {
    devices = { { id = "0x8cdf9d911c64", serial = "EEIO1C64", functions = seed.devices[1].functions } },
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms1", memory = 4096,
      prepared = true,
    } },
    disks = { { name = "H:", owner = "ms1" } },
  },
  parameters = { vms = {
    vme2 = { gpus = described },
    vme3 = { path = [[H:\vme3]], gpus = described, mmio = { low = "3GiB", high = "33280MiB" } },
  } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect(start("vme3", "ms1"), { exit = "ok" })
expect(start("vme2", "ms1"), { exit = "ok", changes = 0, says = "nothing tells from it" })
expect(start("vme3", "ms1"), { exit = "ok", changes = 0, says = "nothing tells from it" })
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect(monitor("vme3", "ms1"), { exit = "ok" })
