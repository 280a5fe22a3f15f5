story "The guest ignores the request to shut down: it is turned off when its grace is over"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", ignores = true })
expect(stop("vme2", "ms1"), { exit = "ok", says = "quick way" })
expect_running("vme2", nil)
