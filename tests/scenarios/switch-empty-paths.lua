story "Dismounting gives no path of the device: it is found by its place"

cluster { switches = { device_paths_out = "empty" } }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
