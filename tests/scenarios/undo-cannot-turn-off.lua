story "A start is cancelled and the VM cannot be turned off: its GPU is not taken from under it, and that is said"

local run = launch("start", "vme2", "ms1")
when({ step = "VM running", by = "ms1 start" }, function()
  fault { target = "ms1", match = { method = "RequestStateChange" }, effect = "error",
    hresult = 0x80041001, text = "no" }
  interrupt(run)
end)
expect(run:wait(), { exit = "not_undone", undone = false, says = "running virtual machine vme2" })
expect_running("vme2", "ms1")
expect_device("0x8cdf9d911c60", "ms1")
