story "Somebody moves the GPU to another group while start is at work: it is not overwritten, and said"

when({ verb = "PUT", path = "~group_id" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 150 })
end)
expect(start("vme2", "ms1"), { code = "SECOND_WRITER", says = "150", exit = "failed" })
expect_running("vme2", nil)
wait(10)
expect_device("0x8cdf9d911c60", "ms2")
