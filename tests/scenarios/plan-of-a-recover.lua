story "Plan honesty: a server came back; plan writes nothing, and recover performs exactly the planned steps"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
boot "ms1"
local before = changes()
local planned = plan("vme2", "ms1", { of = "recover" })
expect_unchanged(before)
local run = recover("vme2", "ms1")
expect(run, { exit = "ok" })
expect_as_planned(planned, run)
