story "SIGTERM after the heartbeat was seen: the VM is left running, and the exit code says that it is"

local run
fault { target = "eem", match = { verb = "GET" }, effect = "delay", seconds = 2 }
when({ step = "VM's heartbeat seen" }, function()
  interrupt(run)
end)
run = launch("start", "vme2", "ms1")
expect(run, { exit = "not_undone", code = "CANCELLED", undone = false, says = "left as it is" })
expect_running("vme2", "ms1")
heal()
expect(start("vme2", "ms1"), { exit = "ok", changes = 0 })
