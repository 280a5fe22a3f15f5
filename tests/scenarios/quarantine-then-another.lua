story "A card whose link never came up is not offered again: of two equal cards that fit, the other one is taken"

local seed = require("lab.clusters.seed")
local BAD, GOOD = "0x8cdf9d911c60", "0x8cdf9d911c64"
cluster {
  more = {
    devices = { { id = GOOD, serial = "EEIO1C64", functions = seed.devices[1].functions } },
    vms = { {
      name = "vme3", id = "0C0C0C0C-3B61-4C1D-9E57-5D2B8C6F1A42", root = [[H:\vme3]],
      disks = { [[H:\vme3\vme3.vhdx]] }, adapters = { "vSwitch" }, registered = "ms1", memory = 4096,
    } },
    disks = { { name = "H:", owner = "ms1" } },
  },
  vm = { gpus = { { vendor = "10de", device = "1f08" } } },
  parameters = { vms = { vme3 = {
    path = [[H:\vme3]], gpus = { { vendor = "10de", device = "1f08" } }, mmio = { low = "3GiB", high = "33280MiB" },
  } } },
}
allow "I3" -- of the stranger's group
world():set_latency("link", 100000)
admin("device", { id = GOOD, group_id = 777 }) -- somebody has it for now
expect(start("vme2", "ms1"), { exit = "failed", code = "LINK_DOWN", says = BAD .. " is in quarantine for 600 s" })
world():set_latency("link", 1)
admin("device", { id = GOOD, group_id = 4093 })
wait(5)

expect(start("vme3", "ms1"), { exit = "ok", never_says = "quarantine" })
expect_device(GOOD, "ms1")
expect_device(BAD, "free")
expect(monitor("vme3", "ms1"), { exit = "ok" })

-- The memory is this node's own: ms2 has seen nothing bad of either card.
expect(start("vme3", "ms2"), { exit = "refused" })

-- When both are offered again, what is in this node's group is what there is to be given back.
wait(700)
expect(stop("vme3", "ms1"), { exit = "ok", warnings = 0 })
expect_device(GOOD, "free")
