story "ECX kills the start script in the middle, because Takeover was told of more time: the next run goes on from what is there"

cluster { latency = { answer = 0, link = 3, enumerate = 25, dismount = 1, start = 2, boot = 15 } }
ecx { start_timeout = 20, start_retry = 3 }
ecx_start()
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
expect_scripts("start", 3, "ms1")
