story "The guest crashes: the monitor sees it twice, the group fails over, and the stop of a dead VM succeeds"

ecx { monitor = { interval = 60, retry = 1, recovery = "failover" } }
ecx_start()
ecx_settle()
wait(30)
admin("crash guest", { vm = "vme2" })
wait(200)
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
expect(ecx_last("stop", "ms1"), { exit = "ok", steps = { ["VM off"] = "already" } })
expect_server("ms1")
