story "The guest needs nearly its whole grace to shut down: it is let do so"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", shutdown = 110 })
expect(stop("vme2", "ms1"), { exit = "ok", longer_than = 110, never_says = "quick way" })
expect_made("turn off", 0)
