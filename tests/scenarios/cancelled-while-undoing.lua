story "SIGTERM while a failed start is being taken back: the undo is finished, not broken off"

admin("guest", { vm = "vme2", silent = "always" })
local run = launch("start", "vme2", "ms1")
when({ step = "VM's heartbeat seen", state = "failed" }, function()
  at(0.5, function()
    interrupt(run)
  end)
end)
expect(run, { undone = true })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
