story "Somebody frees the GPU by hand right after it was connected: said at once, not connected again over it"

when({ step = "GPU connected to this node" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 4093 })
end)
expect(start("vme2", "ms1"), { exit = "failed", code = "SECOND_WRITER", says = "in the pool", undone = true, within = 10 })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
