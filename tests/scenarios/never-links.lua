story "The link never comes up: the step's time ends it, everything is taken back, one sentence says why"

cluster { latency = { link = 100000 } }
expect(start("vme2", "ms1"), { exit = "failed", code = "LINK_DOWN", says = "link is down", undone = true, within = 100 })
wait(2)
expect_device("0x8cdf9d911c60", "free")
expect_running("vme2", nil)
