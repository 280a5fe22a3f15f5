story "SIGTERM in the middle of a start: what was made is taken back"

local run = launch("start", "vme2", "ms1")
when({ step = "GPU dismounted from this node", by = "ms1 start" }, function()
  interrupt(run)
end)
expect(run:wait(), { exit = "cancelled", undone = true })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
expect(start("vme2", "ms1"), { exit = "ok" })
