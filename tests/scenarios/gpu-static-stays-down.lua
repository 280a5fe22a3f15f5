story "The GPU that is asked for by id is gone: the VM stays down and says so, whatever else would fit"

local seed = require("lab.clusters.seed")
local OTHER = "0x8cdf9d911c64"
cluster {
  more = { devices = { { id = OTHER, serial = "EEIO1C64", functions = seed.devices[1].functions } } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
admin("device", { id = "0x8cdf9d911c60", reachable = false })
world():eem():remove("0x8cdf9d911c60")
move_disk "ms2"
local before = changes()
expect(start("vme2", "ms2"), {
  exit = "no_device", code = "NO_DEVICE", failed_at = "GPU chosen", changes = 0,
  says = "ExpEther Manager does not show it",
})
expect_unchanged(before)
expect_running("vme2", nil)
expect_device(OTHER, "free")
