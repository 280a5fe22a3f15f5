story "ExpEther Manager is down for good: both servers are tried, the final action leaves it there, an operator starts it later"

admin("eem", { up = false })
ecx { start_retry = 1, monitor = {} }
ecx_start()
ecx_settle()
expect_group("Failover-vme2", "ms2", "online failure")
expect_scripts("start", 2, "ms1")
expect_scripts("start", 2, "ms2")
expect_running("vme2", nil)
wait(3600)
expect_scripts("start", 4)
admin("eem", { up = true })
ecx_group_start "ms2"
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
