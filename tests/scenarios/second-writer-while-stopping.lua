story "Somebody gives the GPU to ms2 while stop is at work: stop is done, and it is left where it is"

expect(start("vme2", "ms1"), { exit = "ok" })
when({ step = "VM off", by = "ms1 stop" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 150 })
end)
expect(stop("vme2", "ms1"), { exit = "ok" })
wait(10)
expect_device("0x8cdf9d911c60", "ms2")
