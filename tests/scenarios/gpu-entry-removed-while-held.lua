story "The entry of a GPU is removed from the parameters while a VM runs with it: monitor and stop know what the VM has"

local A = "0x8cdf9d911c60"
local ANY = { vendor = "10de", device = "1f08", labels = { purpose = "training" } }
local TRAINING = { labels = { purpose = "training" } }

cluster {
  vm = { gpus = { ANY } },
  parameters = { devices = { [A] = TRAINING } },
}
expect(start("vme2", "ms1"), { exit = "ok" })
parameters().devices[A] = nil
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
expect_device(A, "free")
expect(start("vme2", "ms1"), { exit = "no_device", changes = 0 })
