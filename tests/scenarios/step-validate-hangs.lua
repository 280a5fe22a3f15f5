story "The validation never ends: the start fails in its time, the import is discarded"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
fault { target = "ms1", match = { method = "ValidatePlannedSystem" }, effect = "job hangs" }
expect(start("vme2", "ms1"), {
  exit = "failed", failed_at = "VM's configuration valid here", undone = true, within = 200,
})
expect_planned("vme2")
