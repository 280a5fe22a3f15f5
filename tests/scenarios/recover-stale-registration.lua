story "ms1 comes back with the VM registered, while it runs on ms2: the stale registration goes, the files stay"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
boot "ms1"
expect_registered("vme2", "ms1", "ms2")
expect(recover("vme2", "ms1"), { exit = "ok", steps = { ["VM not registered here while its disk is elsewhere"] = "done" } })
expect_registered("vme2", "ms2")
expect_file([[G:\Hyper-V\vme2\Virtual Machines\7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42.vmcx]])
expect(monitor("vme2", "ms2"), { exit = "ok" })
