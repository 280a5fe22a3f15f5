story "ms1 cannot connect the disk and the script is told so (CLP_DISK=FAILURE): refused untouched, and the group fails over"

ecx { disk_failure = "go on", start_retry = 0 }
move_disk()
ecx_disk_fails(1)
ecx_start()
ecx_settle()
expect(ecx_last("start", "ms1"), { exit = "refused", says = "CLP_DISK=FAILURE", changes = 0 })
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
