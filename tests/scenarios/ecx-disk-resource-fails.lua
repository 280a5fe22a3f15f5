story "The disk resource itself fails on ms1: no script of Takeover runs there but the stop, which has nothing to do"

ecx { start_retry = 1 }
move_disk()
ecx_disk_fails(2)
ecx_start()
ecx_settle()
expect_scripts("start", 0, "ms1")
expect(ecx_last("stop", "ms1"), { exit = "ok", changes = 0 })
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
