story "The start is killed while the guest boots and no stop script runs before the failover: ms2 sees the VM on ms1 and refuses"

ecx { start_timeout = 15, start_retry = 0, stop_after_failed_start = false }
ecx_start()
ecx_settle()
expect(ecx_last("start", "ms1"), { exit = "killed" })
expect(ecx_last("start", "ms2"), { exit = "refused", says = "on ms1", changes = 0 })
expect_group("Failover-vme2", "ms2", "online failure")
-- Without its disk the VM on ms1 gives up; then ms2 may have it.
wait(60)
ecx_group_start "ms2"
ecx_settle()
expect_running("vme2", "ms2")
