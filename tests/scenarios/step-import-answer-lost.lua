story "The import is done, but its answer is lost: the imported configuration is found, not imported twice"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
fault { target = "ms1", match = { method = "ImportSystemDefinition" }, effect = "drop after", times = 1 }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
expect_planned("vme2")
expect_made("import", 1)
