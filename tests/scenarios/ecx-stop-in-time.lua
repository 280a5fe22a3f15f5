story "The same short stop timeout, known to Takeover: it turns the VM off early, ends by itself, and no server is shut down"

cluster { vm = { stop_timeout = 40, margin = 10 } }
ecx { stop_timeout = 40 }
ecx_start()
ecx_settle()
admin("guest", { vm = "vme2", ignores = true })
ecx_move "ms2"
ecx_settle()
expect(ecx_last("stop", "ms1"), { exit = "ok", says = "quick way", within = 30 })
expect_server("ms1")
expect_group("Failover-vme2", "ms2", "online")
