story "An old script's fault: a VM that is already gone does not make stop fail"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
move_disk(nil)
expect(stop("vme2", "ms1"), { exit = "ok" })
