story "A failed stop only ends ms1's cluster service: its VM is still on there, so ms2's failover is refused and nothing is broken"

ecx { stop_final = "stop service", start_retry = 0 }
ecx_start()
ecx_settle()
admin("guest", { vm = "vme2", ignores = true })
fault { target = "ms1", match = { method = "RequestStateChange" }, effect = "error", hresult = 0x80041001 }
ecx_move "ms2"
ecx_settle()
expect(ecx_last("start", "ms2"), { exit = "refused", says = "on ms1", changes = 0 })
expect_server("ms1", false)
