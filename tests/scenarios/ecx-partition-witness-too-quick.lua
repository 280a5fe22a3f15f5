story "With a witness, but ms2 does not wait for ms1's shutdown: it acts on the cluster's word too early"

-- The cluster says that ms1 is down (CLP_EVENT=FAILOVER), and ms1 does not answer: that is evidence
-- by the rules, and nothing that ms2 can reach says otherwise. Which side is quicker is a setting
-- of the cluster; Takeover cannot prevent that the GPU leaves a VM that has ten more seconds to
-- live.
allow "I1"
ecx { resolution = "witness", resolution_wait = 0, shutdown_time = 20 }
ecx_start()
ecx_settle()
ecx_partition "ms1"
ecx_settle()
expect_server("ms1", false)
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
