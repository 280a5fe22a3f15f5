story "ExpEther Manager is gone when a start has to be taken back: not everything is undone, and that is said"

fault { target = "ms1", match = { method = "AddResourceSettings" }, effect = "job fails", text = "no" }
when({ step = "GPU dismounted from this node" }, function()
  admin("eem", { up = false })
end)
expect(start("vme2", "ms1"), { exit = "not_undone", undone = false })
heal()
admin("eem", { up = true })
expect_device("0x8cdf9d911c60", "ms1")
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
