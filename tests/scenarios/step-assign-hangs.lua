story "The job that assigns the GPU never ends: its share of the time ends it, and everything is taken back"

fault { target = "ms1", match = { method = "AddResourceSettings" }, effect = "job hangs" }
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "GPU assigned to the VM", undone = true, within = 200 })
