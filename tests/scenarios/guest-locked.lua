story "Somebody is logged on and the screen is locked: the guest is shut down all the same"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", locked = true })
expect(stop("vme2", "ms1"), { exit = "ok", never_says = "quick way" })
expect_running("vme2", nil)
