story "Somebody moves the GPU to ms2 after it was assigned here: the VM is not left running without it"

when({ step = "GPU assigned to the VM" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 150 })
end)
expect(start("vme2", "ms1"), { exit = "failed" })
expect_running("vme2", nil)
wait(10)
expect_device("0x8cdf9d911c60", "ms2")
