story "Hyper-V says that the GPU is assigned, and it is not: the VM is not started without it"

fault { target = "ms1", match = { method = "AddResourceSettings" }, effect = "lie" }
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "GPU assigned to the VM", undone = true })
expect_running("vme2", nil)
