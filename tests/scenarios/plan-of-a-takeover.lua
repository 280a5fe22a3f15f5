story "Plan honesty: ms1 has lost power; plan on ms2 says that the GPU is taken, and start does it"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
local before = changes()
local planned = plan("vme2", "ms2", { event = "failover" })
expect_unchanged(before)
local run = start("vme2", "ms2", { event = "failover" })
expect(run, { exit = "ok", steps = { ["GPU not held by another node"] = "done" } })
expect_as_planned(planned, run)
