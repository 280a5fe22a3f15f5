story "A label is edited while a VM runs with the GPU: nothing is taken from it, and the next start chooses by the new label"

local seed = require("lab.clusters.seed")
local A, B = "0x8cdf9d911c60", "0x8cdf9d911c64"
local function card(id)
  return { id = id, serial = "EEIO" .. id:sub(-4):upper(), functions = seed.devices[1].functions }
end
local ANY = { vendor = "10de", device = "1f08", labels = { purpose = "training" } }
local TRAINING = { labels = { purpose = "training" } }

cluster {
  more = { devices = { card(B) } },
  vm = { gpus = { ANY } },
  parameters = { devices = { [A] = TRAINING, [B] = { labels = { purpose = "inference" } } } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device(A, "ms1")

local devices = parameters().devices
devices[A].labels, devices[B].labels = { purpose = "inference" }, { purpose = "training" }
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect(start("vme2", "ms1"), { exit = "ok", changes = 0 })
expect_device(A, "ms1")

expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
expect_device(A, "free")
expect(start("vme2", "ms1"), { exit = "ok", says = "chosen: " .. B .. " is free" })
expect_device(B, "ms1")
expect_device(A, "free")
