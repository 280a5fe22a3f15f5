story "The start script is killed on ms1, whose management service hangs, and the group fails over: ms2 takes the GPU from ms1's half-made start"

cluster { latency = { boot = 5 } }
ecx { start_timeout = 30, start_retry = 0, failovers = 1 }
fault { target = "ms1", match = { method = "RequestStateChange" }, effect = "delay", seconds = 1000 }
ecx_start()
ecx_settle()
expect(ecx_last("start", "ms1"), { exit = "killed" })
expect(ecx_last("start", "ms2"), { exit = "ok" })
expect_scripts("stop", 1, "ms1")
expect_running("vme2", "ms2")
