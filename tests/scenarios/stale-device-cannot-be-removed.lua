story "A stale record of the GPU cannot be removed: the VM is not started with it, everything is taken back"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
fault { target = "ms2", match = { method = "RemoveResourceSettings" }, effect = "job fails", text = "refused" }
expect(start("vme2", "ms2", { event = "failover" }), { exit = "failed", failed_at = "VM without stale devices" })
expect_running("vme2", nil)
heal()
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
expect_running("vme2", "ms2")
