story "Every start on ms1 fails at the assignment: one retry, then ms2, with everything taken back in between"

fault { target = "ms1", match = { method = "AddResourceSettings" }, effect = "job fails" }
ecx { start_retry = 1 }
ecx_start()
ecx_settle()
expect_scripts("start", 2, "ms1")
expect(ecx_last("start", "ms1"), { exit = "failed", undone = true })
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
