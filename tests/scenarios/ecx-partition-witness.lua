story "The servers lose each other and the witness decides for ms2: ms1 is shut down, then ms2 takes over"

ecx { resolution = "witness", resolution_wait = 30, shutdown_time = 20, monitor = {} }
ecx_start()
ecx_settle()
ecx_partition "ms1"
ecx_settle()
expect_server("ms1", false)
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
ecx_heal()
boot "ms1"
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
