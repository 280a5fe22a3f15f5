story "Automatic failback: ms1 comes back, and the group returns to it by an ordinary move as soon as ms2 has it whole"

ecx { failback = "auto", recover = "start, recover" }
ecx_start()
ecx_settle()
kill "ms1"
wait(40)
boot "ms1"
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
expect_registered("vme2", "ms1")
expect(ecx_last("stop", "ms2"), { exit = "ok" })
