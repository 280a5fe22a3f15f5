story "Plan honesty: the one-time set-up; plan writes nothing, and prepare performs exactly the planned steps"

cluster { vms = { vme2 = {} } }
local before = changes()
local planned = plan("vme2", "ms1", { of = "prepare" })
expect_unchanged(before)
local run = prepare("vme2", "ms1")
expect(run, { exit = "ok" })
expect_as_planned(planned, run)
