story "An administrator has chosen shutdown as the final action of a failed start: nothing is left of the start when power goes"

fault { target = "*", match = { method = "AddResourceSettings" }, effect = "job fails" }
ecx { start_retry = 0, failovers = 0, start_final = "shutdown" }
ecx_start()
ecx_settle()
expect_server("ms1", false)
expect_server("ms2", false)
expect_group("Failover-vme2", nil, "offline")
expect_running("vme2", nil)
expect_device("0x8cdf9d911c60", "free")
