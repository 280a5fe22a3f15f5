story "stop comes when the heartbeat was seen and only the last look is left: the VM is shut down properly, not turned off"

fault { target = "eem", match = { verb = "GET" }, effect = "delay", seconds = 5 }
local stopping
when({ step = "VM's heartbeat seen", by = "ms1 start" }, function()
  stopping = launch("stop", "vme2", "ms1")
end)
expect(start("vme2", "ms1"), { exit = "not_undone", code = "CANCELLED", undone = false,
  says = "past the point of no return" })
expect(stopping, { exit = "ok", says = "was asked to give way" })
expect_made("turn off", 0)
expect_running("vme2", nil)
