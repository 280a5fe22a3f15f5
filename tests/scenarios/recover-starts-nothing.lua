story "A server that comes back: RECOVER starts nothing, although everything is there"

expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
local before = changes()
expect(start("vme2", "ms1", { event = "recover" }), { exit = "ok", changes = 0 })
expect_running("vme2", nil)
expect_unchanged(before)
