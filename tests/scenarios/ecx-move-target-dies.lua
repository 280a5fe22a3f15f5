story "ms2 loses power while ms1 stops the VM for a move to it: everything is left free, and an operator starts it on ms1"

ecx {}
ecx_start()
ecx_settle()
ecx_move "ms2"
wait(3)
kill "ms2"
ecx_settle()
expect(ecx_last "stop", { exit = "ok", warnings = 0 })
expect_group("Failover-vme2", nil, "offline")
expect_device("0x8cdf9d911c60", "free")
ecx_group_start "ms1"
ecx_settle()
expect_running("vme2", "ms1")
