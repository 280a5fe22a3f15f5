story "ms1 loses power: after the heartbeat timeout ms2 takes disk, GPU and VM with CLP_EVENT=FAILOVER"

ecx { monitor = {}, heartbeat_timeout = 30 }
ecx_start()
ecx_settle()
wait(100)
kill "ms1"
wait(25)
expect_group("Failover-vme2", nil, "offline")
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
expect(ecx_last("start", "ms2"), { exit = "ok", says = "CLP_EVENT=FAILOVER", within = 60 })
expect_scripts("stop", 0)
