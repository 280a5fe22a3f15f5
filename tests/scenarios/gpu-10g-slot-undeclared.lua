story "A 10G slot shows no card to ExpEther Manager, and nothing else says which it is: it is not offered"

local seed = require("lab.clusters.seed")
local SLOT = "0x8cdf9d911c6a"
cluster {
  more = { devices = { {
    id = SLOT, serial = "EEIO1C6A", type = "10g", functions = seed.devices[3].functions,
  } } },
  vm = { gpus = { { vendor = "10de", device = "1db6" } } },
}
local before = changes()
expect(start("vme2", "ms1"), { exit = "no_device", changes = 0 })
expect_unchanged(before)
-- by id it is known which slot is meant, and said what is missing
parameters().vms.vme2.gpus[1].alternatives = { { id = SLOT } }
expect(start("vme2", "ms1"), { exit = "no_device", says = "nothing tells which card it is", where = "give vendor and device" })
