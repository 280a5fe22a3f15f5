story "Only the heartbeats are lost: ms2 is told of a failover, sees the VM running on ms1 and refuses, whatever the cluster says"

ecx { disk_in_split = "refused", disk_failure = "go on" }
ecx_start()
ecx_settle()
ecx_partition("ms1", { management = true })
ecx_settle()
expect(ecx_last("start", "ms2"), { exit = "refused", changes = 0, says = "running on ms1" })
expect_running("vme2", "ms1")
