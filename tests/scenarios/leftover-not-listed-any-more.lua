story "A half-imported configuration is listed at one look and not at the next one: looked for again, and no error of a script"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
expect(start("vme2", "ms1", { faults = { ["ms1 RealizePlannedSystem 1"] = "crash before" } }), { exit = "killed" })
expect_planned("vme2", "ms1")

-- The look at which it is to be removed, after the one at which it was seen.
fault { target = "ms1", match = { class = "Msvm_PlannedComputerSystem", nth = 2 }, effect = "empty" }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_planned("vme2")
