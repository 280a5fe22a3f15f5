story "An old script's fault: an import that never succeeds ends in its time, with the reason"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
fault { target = "ms1", match = { method = "ImportSystemDefinition" }, effect = "job hangs" }
expect(start("vme2", "ms1", { timeout = 300 }), { undone = true, within = 300 })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
