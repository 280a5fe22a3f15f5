story "Plan honesty: the first start of a VM; plan writes nothing, and start performs exactly the planned steps"

cluster { vms = { vme2 = { registered = {} } } }
local before = changes()
local planned = plan("vme2", "ms1")
expect_unchanged(before)
local run = start("vme2", "ms1")
expect(run, { exit = "ok" })
expect_as_planned(planned, run)
