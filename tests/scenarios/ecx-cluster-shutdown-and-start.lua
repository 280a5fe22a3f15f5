story "The whole cluster is shut down and started again: nothing fails over, and the group is back at home"

cluster { latency = { node_boot = 60 } }
ecx { monitor = {} }
ecx_start()
ecx_settle()
ecx_move "ms2"
ecx_settle()
ecx_shutdown()
ecx_settle()
expect_running("vme2", nil)
expect_server("ms1", false)
wait(3600)
boot "ms2"
boot "ms1"
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
expect_scripts("start", 1, "ms2")
