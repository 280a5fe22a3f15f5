story "Hyper-V says that the VM is registered, and it is not: never believed, the import is taken back"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
fault { target = "ms1", match = { method = "RealizePlannedSystem" }, effect = "lie" }
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "VM registered on this node", undone = true })
expect_registered("vme2")
expect_planned("vme2")
