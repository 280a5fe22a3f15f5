story "ECX's stop timeout is shorter than what Takeover was told: the script is killed, the server shut down, ms2 takes over"

ecx { stop_timeout = 40 }
ecx_start()
ecx_settle()
admin("guest", { vm = "vme2", ignores = true })
ecx_move "ms2"
ecx_settle()
expect(ecx_last("stop", "ms1"), { exit = "killed" })
expect_server("ms1", false)
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
