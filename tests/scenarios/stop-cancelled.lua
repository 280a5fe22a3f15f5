story "SIGTERM while the guest shuts down: stop ends as cancelled, and running it again completes the work"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", shutdown = 60 })
local run = launch("stop", "vme2", "ms1")
at(10, function()
  interrupt(run)
end)
expect(run, { exit = "cancelled", within = 15 })
expect(stop("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", nil)
