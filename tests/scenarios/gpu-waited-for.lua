story "No GPU can be had for a while, and the parameters say how long to wait: start says for what, and goes on when it comes"

local A = "0x8cdf9d911c60"
local ANY = { vendor = "10de", device = "1f08", labels = { purpose = "training" } }
local TRAINING = { labels = { purpose = "training" } }

cluster {
  vm = { gpus = { ANY } },
  parameters = { devices = { [A] = TRAINING }, placement = { wait = 120 } },
}
admin("device", { id = A, power = "off" })
at(60, function()
  admin("device", { id = A, power = "on" })
end)
expect(start("vme2", "ms1"), { exit = "ok", says = "waiting up to 120 s for a device: vme2 wants 10de:1f08", longer_than = 60 })
expect(stop("vme2", "ms1"), { exit = "ok" })

admin("device", { id = A, power = "off" })
expect(start("vme2", "ms1"), { exit = "no_device", longer_than = 120, changes = 0 })
