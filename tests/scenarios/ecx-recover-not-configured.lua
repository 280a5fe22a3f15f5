story "ms1 comes back with a stale VM and nothing tidies up; hours later the group is moved back to it and starts"

ecx { monitor = {} }
ecx_start()
ecx_settle()
kill "ms1"
ecx_settle()
boot "ms1"
ecx_settle()
expect_registered("vme2", "ms1", "ms2")
wait(4 * 3600)
ecx_move "ms1"
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
expect_registered("vme2", "ms1")
