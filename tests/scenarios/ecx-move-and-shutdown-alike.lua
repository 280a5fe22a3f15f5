story "GROUPMOVE, GROUPSTOP and the shutdowns all stop the VM in the same way: off, copied, unregistered, GPU free"

ecx {}
local function expect_left()
  expect(ecx_last "stop", { exit = "ok", warnings = 0, steps = {
    ["VM off"] = "done", ["VM not registered on this node"] = "done", ["GPU given back to the pool"] = "done",
  } })
end

ecx_start()
ecx_settle()
ecx_move "ms2"
ecx_settle()
expect_left()

ecx_group_stop()
ecx_settle()
expect_left()
expect_group("Failover-vme2", nil, "offline")
expect_device("0x8cdf9d911c60", "free")

ecx_group_start "ms1"
ecx_settle()
ecx_shutdown "ms1"
ecx_settle()
expect_left()
expect_group("Failover-vme2", "ms2", "online")

ecx_shutdown()
ecx_settle()
expect_left()
expect_running("vme2", nil)
expect_server("ms2", false)
