story "The job that registers vanishes before its end is seen: the registration is found"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
fault { target = "ms1", match = { method = "RealizePlannedSystem" }, effect = "job vanishes" }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
