story "Two equal cards on one node, their places in the parameters: each is given back without the other"

local seed = require("lab.clusters.seed")
cluster {
  more = {
    devices = { { id = "0x8cdf9d911c64", serial = "EEIO1C64", functions = seed.devices[1].functions } },
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms1", memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms1" } },
  },
  parameters = {
    devices = {
      ["0x8cdf9d911c60"] = { locations = { ms1 = "PCIROOT(3A)#PCI(0000)#PCI(0000)#PCI(0000)#PCI(0000)" } },
      ["0x8cdf9d911c64"] = { locations = { ms1 = "PCIROOT(3A)#PCI(0000)#PCI(0000)#PCI(0100)#PCI(0000)" } },
    },
    vms = { vme3 = {
    path = [[H:\vme3]], gpus = { { id = "0x8cdf9d911c64" } }, mmio = { low = "3GiB", high = "33280MiB" },
    } },
  },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect(start("vme3", "ms1"), { exit = "ok" })
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect(stop("vme3", "ms1"), { exit = "ok", warnings = 0 })
wait(2)
expect_device("0x8cdf9d911c64", "free")
expect(monitor("vme2", "ms1"), { exit = "ok" })
