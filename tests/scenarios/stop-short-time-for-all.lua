story "stop has 30 s in all and the guest ignores it: turned off early, the end is reached in time"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", ignores = true })
expect(stop("vme2", "ms1", { timeout = 30 }), { exit = "ok", says = "are left", within = 30 })
expect_running("vme2", nil)
