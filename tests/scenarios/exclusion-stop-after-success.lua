story "stop comes as start does its last step: start has succeeded, and stop stops what it started"

local stopping
when({ step = "GPU in service", state = "already", by = "ms1 start" }, function()
  stopping = launch("stop", "vme2", "ms1")
end)
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stopping, { exit = "ok" })
expect_made("turn off", 0)
expect_running("vme2", nil)
