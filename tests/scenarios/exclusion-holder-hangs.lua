story "start hangs in a long call and does not give way in time: stop reports who is busy, and later works"

fault { target = "ms1", match = { method = "RequestStateChange", nth = 1 }, effect = "delay", seconds = 25 }
local stopping
when({ method = "RequestStateChange", moment = "before" }, function()
  stopping = launch("stop", "vme2", "ms1", { timeout = 20 })
end)
local run = launch("start", "vme2", "ms1")
expect(run, { exit = "cancelled", undone = true })
expect(stopping, { exit = "busy", says = "asked to give way 10 s ago", changes = 0, within = 11 })
expect(stop("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", nil)
