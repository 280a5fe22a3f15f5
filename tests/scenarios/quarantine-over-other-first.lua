story "A card that failed and is offered again comes after an equal one that did not fail"

local seed = require("lab.clusters.seed")
local BAD, GOOD = "0x8cdf9d911c60", "0x8cdf9d911c64"
cluster {
  more = { devices = { { id = GOOD, serial = "EEIO1C64", functions = seed.devices[1].functions } } },
  vm = { gpus = { { vendor = "10de", device = "1f08" } } },
}
allow "I3" -- of the stranger's group
world():set_latency("link", 100000)
admin("device", { id = GOOD, group_id = 777 }) -- somebody has it for now
expect(start("vme2", "ms1"), { exit = "failed", code = "LINK_DOWN", says = BAD .. " is in quarantine for 600 s" })
world():set_latency("link", 1)
admin("device", { id = GOOD, group_id = 4093 })
wait(700)
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device(GOOD, "ms1")
expect_device(BAD, "free")
