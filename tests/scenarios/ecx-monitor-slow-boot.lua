story "The guest boots for four minutes: the monitor begins when start has seen it, and no failover loop begins"

cluster { latency = { boot = 240 } }
ecx { monitor = {} }
ecx_start()
ecx_settle()
wait(600)
expect_group("Failover-vme2", "ms1", "online")
expect_scripts("start", 1)
expect_scripts("stop", 0)
