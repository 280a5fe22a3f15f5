story "The servers lose each other and the witness decides for ms1, which has the group: ms2 is shut down, nothing moves"

ecx { resolution = "witness" }
ecx_start()
ecx_settle()
ecx_partition("ms1", { witness = { "ms1" } })
ecx_settle()
expect_server("ms2", false)
expect_group("Failover-vme2", "ms1", "online")
expect_scripts("start", 1)
