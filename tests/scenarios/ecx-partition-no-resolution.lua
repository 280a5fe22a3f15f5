story "The servers lose each other and nothing resolves it: both have the group, and when they meet again both are shut down"

-- Without resolution and without a forced stop ms2 is told that ms1 is down, and ms1 answers
-- nobody. The disk has gone to ms2, so ms1's VM is paused; its GPU leaves it while it is (I1). No
-- script can know better: what the cluster says is the evidence. docs/scenarios.md, What a cluster
-- must do by itself.
allow "I1"
ecx { resolution = "none", disk_in_split = "taken", double_active = "both" }
ecx_start()
ecx_settle()
ecx_partition "ms1"
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms2")
ecx_heal()
ecx_settle()
expect_server("ms1", false)
expect_server("ms2", false)
expect_running("vme2", nil)
