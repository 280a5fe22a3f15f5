story "ms1 hides vme2 from its list from the moment when it is registered: the run does not say that all is undone"

cluster { vms = { vme2 = { registered = {} } } }
when({ moment = "before", method = "RealizePlannedSystem" }, function()
  fault { target = "ms1", effect = "short", rows = { "vme2" }, match = { class = "Msvm_ComputerSystem" } }
end)
expect(start("vme2", "ms1"), { exit = "not_undone", undone = false })
heal()
expect(start("vme2", "ms1"), { exit = "ok" })
