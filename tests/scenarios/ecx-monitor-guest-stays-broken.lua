story "The guest stays silent wherever it runs: one restart, one failover, then nothing more; no group wanders for ever"

cluster { vm = { boot_timeout = 60 } }
ecx { monitor = { recovery = "restart" }, start_retry = 0 }
ecx_start()
ecx_settle()
admin("guest", { vm = "vme2", silent = "always" })
wait(3600)
ecx_settle()
expect_scripts("start", 2, "ms1")
expect_scripts("start", 1, "ms2")
expect_group("Failover-vme2", "ms2", "online failure")
