story "The VM runs on ms1: on ms2 the monitor says stopped, and changes nothing anywhere"

expect(start("vme2", "ms1"), { exit = "ok" })
local before = changes()
expect(monitor("vme2", "ms2"), { exit = "stopped" })
expect(monitor("vme2", "ms1"), { exit = "ok" })
expect_unchanged(before)
