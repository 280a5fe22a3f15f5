story "The start does not fit into ECX's timeout: Takeover takes everything back before it would be killed, on either server"

cluster { vm = { start_timeout = 60, margin = 10 }, latency = { link = 100000 } }
ecx { start_timeout = 60, start_retry = 0 }
ecx_start()
ecx_settle()
expect(ecx_last("start", "ms1"), { exit = "deadline", undone = true, within = 50 })
expect(ecx_last("start", "ms2"), { exit = "deadline", undone = true, within = 50 })
expect_group("Failover-vme2", "ms2", "online failure")
expect_device("0x8cdf9d911c60", "free")
