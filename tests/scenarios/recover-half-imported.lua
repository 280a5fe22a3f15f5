story "A start died between import and registration: recover discards the half, start imports it anew"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
local first = launch("start", "vme2", "ms1")
when({ step = "VM's configuration imported", by = "ms1 start" }, function()
  crash(first)
end)
expect(first, { exit = "killed" })
expect_planned("vme2", "ms1")
expect(recover("vme2", "ms1"), { exit = "ok" })
expect_planned("vme2")
expect(start("vme2", "ms1"), { exit = "ok" })
