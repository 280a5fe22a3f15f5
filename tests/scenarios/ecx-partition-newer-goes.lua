story "After a split without resolution the younger server is shut down; the older one's VM has lost disk and GPU, and its monitor brings it back"

-- As in ecx-partition-no-resolution: what the cluster says is the evidence.
allow "I1"
ecx { double_active = "newer", monitor = { recovery = "restart" } }
ecx_start()
ecx_settle()
ecx_partition "ms1"
wait(100)
ecx_heal()
ecx_settle()
expect_server("ms2", false)
expect_server("ms1")
wait(1200)
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
