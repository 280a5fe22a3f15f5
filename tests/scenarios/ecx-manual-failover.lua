story "A group whose failover is manual stays down when its server dies, until an operator starts it"

ecx { failover = "manual" }
ecx_start()
ecx_settle()
kill "ms1"
ecx_settle()
expect_group("Failover-vme2", nil, "offline")
ecx_group_start "ms2"
ecx_settle()
expect(ecx_last("start", "ms2"), { exit = "ok", says = "powered off" })
expect_running("vme2", "ms2")
