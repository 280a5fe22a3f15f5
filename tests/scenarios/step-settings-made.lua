story "A VM that was never prepared gets the settings that a GPU needs, by start itself"

cluster { vms = { vme2 = {} } }
expect(start("vme2", "ms1"), { exit = "ok", steps = { ["VM's settings allow a GPU"] = "done" } })
expect_running("vme2", "ms1")
