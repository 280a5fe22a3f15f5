story "The servers lose each other; the forced stop powers ms1 off before anything is taken from it"

ecx { forced_stop = "works", heartbeat_timeout = 30 }
ecx_start()
ecx_settle()
ecx_partition("ms1", { power = { "ms2" } })
ecx_settle()
expect_server("ms1", false)
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
