story "A start died between import and registration: the next one does not trust the half, and imports anew"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
local first = launch("start", "vme2", "ms1")
when({ step = "VM's configuration imported", by = "ms1 start" }, function()
  crash(first)
end)
expect(first, { exit = "killed" })
expect(start("vme2", "ms1"), { exit = "ok" })
expect_made("import", 2)
expect_made("discard", 1)
expect_planned("vme2")
