story "The normal return value is left blank: ECX takes a failed start for a good one, and the monitor is what notices"

fault { target = "ms1", match = { method = "AddResourceSettings" }, effect = "job fails" }
ecx { judged = false, monitor = { recovery = "restart" } }
ecx_start()
ecx_settle()
expect(ecx_last("start", "ms1"), { exit = "failed" })
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", nil)
heal()
wait(300)
expect(ecx_last("start", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
