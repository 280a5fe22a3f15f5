story "ms1 dies, and ms2 dies in the middle of the failover; ms1 is back first and starts the VM again"

ecx { startup_wait = 60 }
ecx_start()
ecx_settle()
kill "ms1"
when({ step = "GPU connected to this node", by = "ms2 start" }, function()
  kill "ms2"
end)
wait(60)
boot "ms1"
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
expect_running("vme2", "ms1")
expect_device("0x8cdf9d911c60", "ms1")
boot "ms2"
ecx_settle()
expect_group("Failover-vme2", "ms1", "online")
