story "ExpEther Manager is down for an hour: the monitor says so and stays normal, nothing moves"

ecx { monitor = {} }
ecx_start()
ecx_settle()
admin("eem", { up = false })
wait(3600)
expect(ecx_last "monitor", { exit = "ok", says = "EEM_UNREACHABLE" })
expect_group("Failover-vme2", "ms1", "online")
expect_scripts("start", 1)
expect_scripts("stop", 0)
