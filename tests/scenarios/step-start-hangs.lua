story "The VM hangs while it starts: the step's time ends it, it is turned off, everything is taken back"

fault { target = "ms1", match = { class = "Msvm_ComputerSystem", method = "RequestStateChange" }, effect = "job hangs", times = 1 }
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "VM running", undone = true })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
