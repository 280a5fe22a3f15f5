story "ms1 loses power in the middle of a planned move's stop: ms2 starts the VM as a failover"

ecx {}
ecx_start()
ecx_settle()
when({ step = "VM without assigned devices", by = "ms1 stop" }, function()
  kill "ms1"
end)
ecx_move "ms2"
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
