story "ms1 restarts faster than the heartbeat timeout: ms2 sees that it is a new life, and fails over all the same"

cluster { latency = { node_boot = 5 } }
ecx { heartbeat_timeout = 60, service_delay = 2 }
ecx_start()
ecx_settle()
kill "ms1"
boot "ms1"
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
