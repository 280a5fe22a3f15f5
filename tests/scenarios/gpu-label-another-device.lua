story "The GPU of a VM dies with its box; asked for by label, the VM comes back on another one"

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
  parameters = { devices = { [A] = TRAINING, [B] = TRAINING } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device(A, "ms1")
allow "I1" -- the box takes it from the running VM
admin("device", { id = A, power = "off" })
wait(5)
expect(monitor("vme2", "ms1"), { exit = "broken", says = "0 of 1 devices are there" })
expect(stop("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok", says = "chosen: " .. B .. " is free" })
expect_device(B, "ms2")
expect(monitor("vme2", "ms2"), { exit = "ok" })
