story "The guest restarts itself and takes minutes: one failover by the cluster's own settings, and no loop after it"

cluster { latency = { boot = 200 } }
ecx { monitor = { interval = 60, retry = 1 } }
ecx_start()
ecx_settle()
wait(30)
by_hand("reset", "vme2", "ms1")
wait(3600)
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
expect_scripts("start", 1, "ms2")
expect_scripts("start", 1, "ms1")
