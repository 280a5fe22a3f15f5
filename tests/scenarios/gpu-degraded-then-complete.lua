story "Two GPUs are wanted and one will do: the VM starts DEGRADED, the monitor says so and stays healthy, the next start has both"

local seed = require("lab.clusters.seed")
local A, B = "0x8cdf9d911c60", "0x8cdf9d911c64"
local function card(id)
  return { id = id, serial = "EEIO" .. id:sub(-4):upper(), functions = seed.devices[1].functions }
end

cluster {
  more = { devices = { card(B) } },
  vm = { gpus = { { vendor = "10de", device = "1f08", count = 2, min = 1 } } },
}
admin("device", { id = B, power = "off" })
expect(start("vme2", "ms1"), { exit = "ok", says = "DEGRADED: 1 of 2 devices" })
expect_device(A, "ms1")
expect(monitor("vme2", "ms1"), { exit = "ok", says = "DEGRADED: 1 of 2 devices" })

admin("device", { id = B, power = "on" })
expect(start("vme2", "ms1"), { exit = "ok", changes = 0 })
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
expect(start("vme2", "ms1"), { exit = "ok", never_says = "DEGRADED" })
expect_device(B, "ms1")
expect(monitor("vme2", "ms1"), { exit = "ok", never_says = "DEGRADED" })
