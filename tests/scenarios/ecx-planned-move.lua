story "An operator moves the group to ms2 and back: stop with GROUPMOVE here, start with START there"

ecx { monitor = {} }
ecx_start()
ecx_settle()
ecx_move "ms2"
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
expect_registered("vme2", "ms2")
expect(ecx_last "stop", { exit = "ok", warnings = 0 })
expect(ecx_last("start", "ms2"), { exit = "ok", never_says = "FAILOVER" })
wait(300)
ecx_move "ms1"
ecx_settle()
expect_running("vme2", "ms1")
expect_registered("vme2", "ms1")
expect_device("0x8cdf9d911c60", "ms1")
