story "ExpEther Manager fails for 10 s in the middle of a start: the steps that need it wait"

when({ step = "GPU connected to this node" }, function()
  admin("eem", { up = false })
  at(10, function()
    admin("eem", { up = true })
  end)
end)
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
