story "Discarding a planned VM takes the files with it: a failed start still loses no configuration"

cluster {
  switches = { planned_destroy_deletes = true },
  vms = { vme2 = { prepared = true, registered = {} } },
}
fault { target = "ms1", match = { method = "RealizePlannedSystem" }, effect = "job fails", text = "refused" }
expect(start("vme2", "ms1"), { exit = "failed", failed_at = "VM registered on this node" })
heal()
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
