story "A node that looks for new devices only when told to: start tells it"

cluster { switches = { enumeration = "rescan" } }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
