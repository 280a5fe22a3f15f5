story "A card without a display (class 0302) is a GPU, too: asked for by class 03, and by 0302"

local seed = require("lab.clusters.seed")
local PLAIN = "0x8cdf9d911c68"
cluster {
  devices = { ["0x8cdf9d911c60"] = { power = "off" }, ["0x8cdf9d911c62"] = { power = "off" } },
  more = { devices = { { id = PLAIN, serial = "EEIO1C68", functions = seed.devices[3].functions } } },
  vm = { gpus = { { vendor = "10de", class = "03" } } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device(PLAIN, "ms1")
expect(stop("vme2", "ms1"), { exit = "ok" })
parameters().vms.vme2.gpus[1].alternatives[1].class = "0302"
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device(PLAIN, "ms1")
expect(stop("vme2", "ms1"), { exit = "ok" })
parameters().vms.vme2.gpus[1].alternatives[1].class = "0300"
expect(start("vme2", "ms1"), { exit = "no_device", changes = 0 })
