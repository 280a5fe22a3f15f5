story "Hyper-V says that the configuration is imported, and it is not: never believed, taken back"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
fault { target = "ms1", match = { method = "ImportSystemDefinition" }, effect = "lie" }
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "VM's configuration imported", undone = true })
expect_registered("vme2")
