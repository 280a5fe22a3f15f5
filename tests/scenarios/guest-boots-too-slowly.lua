story "The guest takes longer to boot than it may: a failure that is taken back, not a success"

cluster { latency = { boot = 500 }, vm = { boot_timeout = 120 } }
expect(start("vme2", "ms1"), { exit = "failed", code = "NOT_REACHED", undone = true, within = 180 })
expect_running("vme2", nil)
