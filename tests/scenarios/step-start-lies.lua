story "Hyper-V says that the VM was started, and it is off: no success, everything is taken back"

fault { target = "ms1", match = { class = "Msvm_ComputerSystem", method = "RequestStateChange" }, effect = "lie", times = 1 }
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "VM running", undone = true })
expect_running("vme2", nil)
