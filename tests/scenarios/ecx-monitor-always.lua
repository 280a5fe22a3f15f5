story "A monitor set to look always, on both servers and during the start: its errors find no active target and do nothing"

cluster { latency = { boot = 240 } }
ecx { monitor = { timing = "always", interval = 30, retry = 0 } }
ecx_start()
ecx_settle()
wait(300)
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
expect_scripts("start", 1)
expect_scripts("stop", 0)
expect(ecx_last("monitor", "ms1"), { exit = "ok" })
expect(ecx_last("monitor", "ms2"), { exit = "stopped" })
