story "A VM with very much memory takes 15 minutes to power on: waited for, once"

cluster { latency = { start = 900 } }
expect(start("vme2", "ms1"), { exit = "ok", longer_than = 900 })
expect_made("start", 1)
expect_running("vme2", "ms1")
