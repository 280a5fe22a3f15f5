story "The disk is moved to ms2 while ms1's VM still holds on: ms2 does not take its GPU, until it is off there"

expect(start("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
local before = changes()
expect(start("vme2", "ms2", { event = "failover" }), { exit = "refused", says = "critical on ms1", changes = 0 })
expect_unchanged(before)
expect(stop("vme2", "ms1"), { exit = "ok", within = 10 })
expect(start("vme2", "ms2"), { exit = "ok" })
expect_running("vme2", "ms2")
