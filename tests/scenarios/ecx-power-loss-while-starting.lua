story "ms1 loses power in the middle of its start script: ms2 takes the half-made move over"

when({ step = "GPU assigned to the VM", by = "ms1 start" }, function()
  kill "ms1"
end)
ecx {}
ecx_start()
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
expect_device("0x8cdf9d911c60", "ms2")
