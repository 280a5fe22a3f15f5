story "stop is killed after the VM is off: running it again completes the work"

expect(start("vme2", "ms1"), { exit = "ok" })
local first = launch("stop", "vme2", "ms1")
when({ step = "VM off", by = "ms1 stop" }, function()
  crash(first)
end)
expect(first, { exit = "killed" })
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
expect_registered("vme2")
wait(2)
expect_device("0x8cdf9d911c60", "free")
