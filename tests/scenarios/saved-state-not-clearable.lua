story "A saved state without its file that this Windows cannot clear: refused with the numbers, nothing is deleted"

cluster { switches = { crash_leaves = "saved state", planned_clear = "unsupported" } }
expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "failed", failed_at = "VM's configuration valid here" })
expect_registered("vme2", "ms1")
expect_planned("vme2")
expect_file([[G:\Hyper-V\vme2\Virtual Machines\7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42.vmcx]])
