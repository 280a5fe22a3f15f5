story "stop on the same node, while start has got to \"VM running\": start takes back its work, stop goes on"

local stopping
when({ step = "VM running", by = "ms1 start" }, function()
  stopping = launch("stop", "vme2", "ms1")
end)
expect(start("vme2", "ms1"), { exit = "cancelled", undone = true })
expect(stopping, { exit = "ok", says = "was asked to give way", within = 100 })
expect_running("vme2", nil)
wait(5)
expect_device("0x8cdf9d911c60", "free")
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
