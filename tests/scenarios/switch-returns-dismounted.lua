story "A card that comes back is dismounted at once: there is nothing to dismount, the rest is the same"

cluster { switches = { device_returns = "dismounted" } }
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
expect(start("vme2", "ms1"), { exit = "ok", steps = { ["GPU dismounted from this node"] = "already" } })
expect_running("vme2", "ms1")
