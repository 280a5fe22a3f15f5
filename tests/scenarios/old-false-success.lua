story "An old script's fault: a step that fails is never reported as success"

fault { target = "ms1", match = { method = "AddResourceSettings" }, effect = "job fails", text = "General access denied error" }
expect(start("vme2", "ms1"), { exit = "failed", undone = true })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
