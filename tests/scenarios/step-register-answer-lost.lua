story "Registering is done, but its answer is lost: the registration is found, and the start goes on"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
fault { target = "ms1", match = { method = "RealizePlannedSystem" }, effect = "drop after", times = 1 }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_registered("vme2", "ms1")
expect_running("vme2", "ms1")
expect_made("realize", 1)
