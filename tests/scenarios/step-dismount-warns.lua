story "The dismount ends with warnings: it counts as done, because it is seen to be"

fault { target = "ms1", match = { method = "DismountAssignableDevice" }, effect = "job warns" }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
