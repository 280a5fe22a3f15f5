story "The servers lose each other and neither can stop the other by force: no failover, the VM runs on where it is"

ecx { forced_stop = "fails" }
ecx_start()
ecx_settle()
ecx_partition "ms1"
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
expect_scripts("start", 0, "ms2")
ecx_heal()
wait(60)
expect_group("Failover-vme2", "ms1", "online")
