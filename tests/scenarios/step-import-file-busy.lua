story "The configuration file is busy for a moment: the import is tried again"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
fault {
  target = "ms1", match = { method = "ImportSystemDefinition" }, effect = "job fails", times = 2,
  text = "the file is in use by another process",
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
