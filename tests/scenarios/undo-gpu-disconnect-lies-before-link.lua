story "The link is not up yet, and EEM's yes to the undo's disconnect is a lie: it is asked once more"

cluster { latency = { link = 20, answer = 0.01 } }
-- The look after the connect is refused, so the start fails; the disconnect of the undo does
-- nothing.
local connected = false
when({ verb = "PUT" }, function()
  connected = true
  fault { target = "eem", match = { verb = "GET", nth = 1 }, effect = "error", http = 400 }
  fault { target = "eem", match = { verb = "DELETE", nth = 1 }, effect = "lie" }
end)
expect(start("vme2", "ms1"), { exit = "failed", undone = true })
if not connected then
  fail("nothing was connected")
end
wait(30)
expect_device("0x8cdf9d911c60", "free")
