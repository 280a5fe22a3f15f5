story "Two VMs on one node choose the same device at the same instant: a lock of the node gives it to one, the other takes another"

local seed = require("lab.clusters.seed")
local OTHER = "0x8cdf9d911c64"
local ANY = { { vendor = "10de", device = "1f08" } }
cluster {
  switches = { put_in_use = "accept" },
  more = {
    devices = { { id = OTHER, serial = "EEIO1C64", functions = seed.devices[1].functions } },
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms1", memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms1" } },
  },
  vm = { gpus = ANY },
  parameters = { vms = { vme3 = {
    path = [[H:\vme3]], gpus = ANY, mmio = { low = "3GiB", high = "33280MiB" },
  } } },
}
fault { target = "eem", effect = "delay", seconds = 0.1, match = {} }
local one, other = launch("start", "vme2", "ms1"), launch("start", "vme3", "ms1")
expect(one, { exit = "ok" })
expect(other, { exit = "ok", says = "is taking it; chosen instead: " .. OTHER })
expect_device("0x8cdf9d911c60", "ms1")
expect_device(OTHER, "ms1")
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect(monitor("vme3", "ms1"), { exit = "ok" })

-- Which of the two was vme3's nothing tells any more: neither is taken from under vme2.
expect(stop("vme3", "ms1"), { exit = "ok", says = "nothing tells which of 0x8cdf9d911c60, 0x8cdf9d911c64 on ms1" })
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
