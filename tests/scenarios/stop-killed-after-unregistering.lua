story "stop is killed right after Hyper-V has deleted the live files: ms2 starts from the copy"

expect(start("vme2", "ms1"), { exit = "ok" })
local run = launch("stop", "vme2", "ms1")
when({ step = "VM not registered on this node", by = "ms1 stop" }, function()
  crash(run)
end)
expect(run, { exit = "killed" })
expect_file([[G:\Hyper-V\vme2\Virtual Machines\7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42.vmcx]], false)
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok" })
expect_running("vme2", "ms2")
