story "A start died on ms1 between import and registration: ms2 takes over, and ms1's half disturbs nobody"

cluster { vms = { vme2 = { prepared = true, registered = {} } } }
local first = launch("start", "vme2", "ms1")
when({ step = "VM's configuration imported", by = "ms1 start" }, function()
  crash(first)
end)
expect(first, { exit = "killed" })
wait(10)
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok" })
expect_running("vme2", "ms2")
expect(recover("vme2", "ms1"), { exit = "ok" })
expect_planned("vme2")
