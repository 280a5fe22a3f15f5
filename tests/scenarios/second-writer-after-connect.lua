story "Somebody moves the GPU to ms2 after start has connected it: no success, and it is left where it is"

when({ step = "GPU visible on this node" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 150 })
end)
expect(start("vme2", "ms1"), { exit = "failed", undone = true })
expect_running("vme2", nil)
wait(10)
expect_device("0x8cdf9d911c60", "ms2")
