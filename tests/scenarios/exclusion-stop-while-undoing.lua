story "stop comes while start is taking back its work by itself: the undo is not broken into, stop waits for it"

fault { target = "ms1", match = { method = "RequestStateChange", nth = 1 }, effect = "error" }
local stopping
when({ method = "RemoveResourceSettings", moment = "before" }, function()
  stopping = launch("stop", "vme2", "ms1")
end)
expect(start("vme2", "ms1"), { exit = "failed", undone = true })
expect(stopping, { exit = "ok" })
wait(5)
expect_device("0x8cdf9d911c60", "free")
expect_running("vme2", nil)
