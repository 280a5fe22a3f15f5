story "ms1 died with the GPU in its group and nobody took over: recover gives it back to the pool"

local first = launch("start", "vme2", "ms1")
when({ step = "GPU connected to this node", by = "ms1 start" }, function()
  kill "ms1"
end)
expect(first, { exit = "killed" })
boot "ms1"
expect(recover("vme2", "ms1"), { exit = "ok" })
wait(2)
expect_device("0x8cdf9d911c60", "free")
