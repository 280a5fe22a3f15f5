story "A card that failed and is offered again comes after an equal one that did not fail"

local seed = require("lab.clusters.seed")
local BAD, GOOD = "0x8cdf9d911c60", "0x8cdf9d911c64"
cluster {
  more = { devices = { { id = GOOD, serial = "EEIO1C64", functions = seed.devices[1].functions } } },
  vm = { gpus = { { vendor = "10de", device = "1f08" } } },
}
world():set_latency("link", 100000)
expect(start("vme2", "ms1"), { exit = "failed", code = "NOT_REACHED", says = BAD .. " is in quarantine for 600 s" })
world():set_latency("link", 1)
wait(700)
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device(GOOD, "ms1")
expect_device(BAD, "free")
