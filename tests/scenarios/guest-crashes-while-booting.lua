story "The guest crashes while it boots: seen at once, not waited for until the time is up"

when({ step = "VM running", by = "ms1 start" }, function()
  at(5, function()
    admin("crash guest", { vm = "vme2" })
  end)
end)
expect(start("vme2", "ms1"), { exit = "failed", code = "VM_BROKEN", undone = true, within = 30 })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
