story "Plan honesty: the VM runs; plan names nothing to do, and start does nothing"

expect(start("vme2", "ms1"), { exit = "ok" })
local before = changes()
local planned = plan("vme2", "ms1")
local run = start("vme2", "ms1")
expect(run, { exit = "ok", changes = 0 })
expect_as_planned(planned, run)
expect_unchanged(before)
