story "prepare cannot disable the GPU's driver: what it had made is taken back, nothing half done stays"

fault { target = "ms1", match = { method = "Disable" }, effect = "error", text = "access denied" }
expect(prepare("vme2", "ms1"), { exit = "failed", undone = true })
wait(2)
expect_device("0x8cdf9d911c60", "free")
