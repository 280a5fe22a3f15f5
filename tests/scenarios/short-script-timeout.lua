story "ECX's time for stop is shorter than the guest's: it is turned off early, and said so"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", ignores = true })
expect(stop("vme2", "ms1", { timeout = 60 }), { exit = "ok", says = "are left", within = 60 })
expect_running("vme2", nil)
