story "The VM cannot be stopped: stop fails, ECX shuts the server down (its default), and ms2 takes over"

ecx {}
ecx_start()
ecx_settle()
admin("guest", { vm = "vme2", ignores = true })
fault { target = "ms1", match = { method = "RequestStateChange" }, effect = "error", hresult = 0x80041001 }
ecx_move "ms2"
ecx_settle()
expect(ecx_last("stop", "ms1"), { exit = "failed" })
expect_server("ms1", false)
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
