story "A node dies with two VMs, and each starts on another node at the same instant: each has one of the dead node's GPUs"

local seed = require("lab.clusters.seed")
local B = "0x8cdf9d911c64"
local ANY = { vendor = "10de", device = "1f08" }
cluster {
  more = {
    devices = { { id = B, serial = "EEIO1C64", functions = seed.devices[1].functions } },
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms1", memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms1" } },
    nodes = { {
      name = "ms3", address = "192.168.0.201", group_id = 250, board = "0x8cdf9d911c03", max_devices = 16,
      memory = 65536, switches = { "vSwitch" }, location_root = "PCIROOT(5A)#PCI(0000)#PCI(0000)",
    } },
  },
  vm = { gpus = { ANY } },
  parameters = {
    nodes = { ms3 = { group_id = 250, address = "192.168.0.201", board = "0x8cdf9d911c03" } },
    vms = { vme3 = { path = [[H:\vme3]], gpus = { ANY }, mmio = { low = "3GiB", high = "33280MiB" } } },
  },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect(start("vme3", "ms1"), { exit = "ok" })
kill "ms1"
move_disk("ms2", "G:")
move_disk("ms3", "H:")
fault { target = "eem", effect = "delay", seconds = 0.1, match = {} }
local one = launch("start", "vme2", "ms2", { event = "failover" })
local other = launch("start", "vme3", "ms3", { event = "failover" })
expect(one, { exit = "ok" })
expect(other, { exit = "ok" })
expect(monitor("vme2", "ms2"), { exit = "ok" })
expect(monitor("vme3", "ms3"), { exit = "ok" })
