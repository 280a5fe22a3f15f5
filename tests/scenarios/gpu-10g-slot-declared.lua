story "A 10G slot shows no card to ExpEther Manager, and the parameters say which it is: it is offered, and found"

local seed = require("lab.clusters.seed")
local SLOT = "0x8cdf9d911c6a"
cluster {
  more = { devices = { {
    id = SLOT, serial = "EEIO1C6A", type = "10g", functions = seed.devices[3].functions,
  } } },
  vm = { gpus = { { vendor = "10de", device = "1db6" } } },
  parameters = { devices = { [SLOT] = { vendor = "10de", device = "1db6" } } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device(SLOT, "ms1")
expect(monitor("vme2", "ms1"), { exit = "ok" })
