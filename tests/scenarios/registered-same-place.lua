story "The VM is registered on the target from an earlier crash, same place and off: the registration is used again"

when({ step = "GPU assigned to the VM", by = "ms1 start" }, function()
  admin("set", {})
end)
local first = launch("start", "vme2", "ms1")
when({ step = "VM running", by = "ms1 start" }, function()
  crash(first)
  admin("stop vm", { vm = "vme2" })
end)
expect(first:wait(), { exit = "killed" })
expect_registered("vme2", "ms1")
expect(start("vme2", "ms1"), { exit = "ok" })
expect_registered("vme2", "ms1")
