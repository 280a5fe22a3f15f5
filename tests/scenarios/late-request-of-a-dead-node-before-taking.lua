story "A request of ms1, which has died since, takes effect while ms2 takes over: the card is taken from it all the same"

cluster { devices = { ["0x8cdf9d911c60"] = { group_id = 4093 } } }
kill "ms1"
move_disk "ms2"
when({ step = "GPU chosen", state = "already" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 50 })
end)
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
expect_device("0x8cdf9d911c60", "ms2")
