story "ExpEther Manager fails over and is back after 20 s: start waits for it"

admin("eem", { up = false })
at(20, function()
  admin("eem", { up = true })
end)
expect(start("vme2", "ms1"), { exit = "ok", longer_than = 20 })
expect_running("vme2", "ms1")
