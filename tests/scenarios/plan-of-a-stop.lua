story "Plan honesty: stop of a running VM; plan writes nothing, and stop performs exactly the planned steps"

expect(start("vme2", "ms1"), { exit = "ok" })
local before = changes()
local planned = plan("vme2", "ms1", { of = "stop" })
expect_unchanged(before)
local run = stop("vme2", "ms1")
expect(run, { exit = "ok" })
expect_as_planned(planned, run)
