story "Hyper-V says that vme2 is off, but its process is there: stop does not say ok and leaves the GPU"

expect(start("vme2", "ms1"), { exit = "ok" })
local hv = world():node("ms1").hyperv
local real = hv.enabled_state
hv.enabled_state = function() return 3 end
local before = changes()
expect(monitor("vme2", "ms1"), { exit = "unknown", says = "its process is there" })
expect(recover("vme2", "ms1"), { exit = "ok", says = "used on ms1" })
expect(prepare("vme2", "ms2"), { exit = "refused", says = "used on ms1" })
expect_unchanged(before)
local run = launch("stop", "vme2", "ms1")
wait(60)
expect_device("0x8cdf9d911c60", "ms1")
hv.enabled_state = real
expect(run, { exit = "ok" })
expect_device("0x8cdf9d911c60", "free")
