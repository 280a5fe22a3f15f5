story "ms1 comes back while ms2 has the group: its start script runs with RECOVER and starts nothing, recover puts it in order"

ecx { recover = "start, recover", monitor = {} }
ecx_start()
ecx_settle()
kill "ms1"
ecx_settle()
expect_running("vme2", "ms2")
boot "ms1"
ecx_settle()
expect(ecx_last("start", "ms1"), { exit = "ok", changes = 0 })
expect(ecx_last("recover", "ms1"), { exit = "ok" })
expect_registered("vme2", "ms2")
expect_running("vme2", "ms2")
expect_group("Failover-vme2", "ms2", "online")
