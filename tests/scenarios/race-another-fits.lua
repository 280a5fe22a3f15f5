story "Two VMs take the same device at the same instant and another one fits: the loser takes that, both run"

local seed = require("lab.clusters.seed")
local OTHER = "0x8cdf9d911c64"
local ANY = { { vendor = "10de", device = "1f08" } }
cluster {
  switches = { put_in_use = "accept" },
  more = {
    devices = { { id = OTHER, serial = "EEIO1C64", functions = seed.devices[1].functions } },
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms2", memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms2" } },
  },
  vm = { gpus = ANY },
  parameters = { vms = { vme3 = {
    path = [[H:\vme3]], gpus = ANY, mmio = { low = "3GiB", high = "33280MiB" },
  } } },
}
fault { target = "eem", effect = "delay", seconds = 0.1, match = {} }
local one, other = launch("start", "vme2", "ms1"), launch("start", "vme3", "ms2")
expect(one, { exit = "ok", says = "ms2 was quicker; chosen instead: " .. OTHER })
expect(other, { exit = "ok" })
expect_device("0x8cdf9d911c60", "ms2")
expect_device(OTHER, "ms1")
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect(monitor("vme3", "ms2"), { exit = "ok" })
