story "A partition that nobody decides: ms2 touches nothing, ms1's VM runs on"

expect(start("vme2", "ms1"), { exit = "ok" })
partition "ms1"
local before = changes()
expect(start("vme2", "ms2"), { exit = "failed", changes = 0 })
expect_unchanged(before)
heal()
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
