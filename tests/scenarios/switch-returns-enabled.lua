story "A card that comes back has its driver enabled: disabled again each time"

cluster { switches = { device_returns = "enabled" } }
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
expect(start("vme2", "ms1"), { exit = "ok", steps = { ["GPU driver disabled on this node"] = "done" } })
expect_running("vme2", "ms1")
