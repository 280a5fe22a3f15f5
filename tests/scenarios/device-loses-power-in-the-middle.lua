story "The I/O box loses power while start is at work: no success without its GPU, and it is taken back"

when({ step = "GPU visible on this node" }, function()
  admin("device", { id = "0x8cdf9d911c60", power = "off" })
end)
expect(start("vme2", "ms1"), { exit = "failed" })
expect_running("vme2", nil)
