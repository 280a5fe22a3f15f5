story "A start is killed once its VM has the GPU: another VM takes the free one, and the first finds its own again"

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
  parameters = {
    devices = {
      ["0x8cdf9d911c60"] = { locations = { ms1 = "PCIROOT(3A)#PCI(0000)#PCI(0000)#PCI(0000)#PCI(0000)" } },
      ["0x8cdf9d911c64"] = { locations = { ms1 = "PCIROOT(3A)#PCI(0000)#PCI(0000)#PCI(0100)#PCI(0000)" } },
    },
    vms = {
    vme2 = { gpus = described },
    vme3 = { path = [[H:\vme3]], gpus = described, mmio = { low = "3GiB", high = "33280MiB" } },
  } },
}
expect(start("vme2", "ms1", { faults = { ["ms1 RequestStateChange 1"] = "crash before" } }), { exit = "killed" })
expect(start("vme3", "ms1"), { exit = "ok", says = "0x8cdf9d911c64 is free" })
expect(start("vme2", "ms1"), { exit = "ok" })
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect(monitor("vme3", "ms1"), { exit = "ok" })
