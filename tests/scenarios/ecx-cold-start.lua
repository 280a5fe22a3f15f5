story "The cluster starts from cold: the group starts on its home server, and nowhere else"

ecx { monitor = {} }
ecx_start()
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
expect(ecx_last("start"), { exit = "ok" })
expect_scripts("start", 1)
wait(610)
expect_scripts("monitor", 10)
expect_scripts("stop", 0)
