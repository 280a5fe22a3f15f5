story "The cluster starts from cold and the home server has no power: the other waits for it, then starts the group"

cluster { nodes = { ms1 = { up = false } }, vms = { vme2 = { prepared = true, registered = {} } } }
move_disk()
ecx { startup_wait = 120 }
ecx_start()
wait(100)
expect_group("Failover-vme2", nil, "offline")
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
boot "ms1"
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_scripts("start", 1)
