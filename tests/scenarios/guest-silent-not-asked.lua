story "A guest without integration services: with heartbeat = false, running is enough"

cluster { vm = { heartbeat = false } }
admin("guest", { vm = "vme2", silent = "always" })
expect(start("vme2", "ms1"), { exit = "ok", within = 15 })
expect_running("vme2", "ms1")
