story "The guest takes nearly all of its time to boot: waited for, and a success"

cluster { latency = { boot = 280 } }
expect(start("vme2", "ms1"), { exit = "ok", longer_than = 280 })
expect_running("vme2", "ms1")
