story "Plan honesty: stop of what is stopped; plan names nothing to do, and stop does nothing"

expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
wait(5)
local planned = plan("vme2", "ms1", { of = "stop" })
local run = stop("vme2", "ms1")
expect(run, { exit = "ok", changes = 0 })
expect_as_planned(planned, run)
