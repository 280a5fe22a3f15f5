story "ms2 loses power in the middle of taking over, too: ms1, back again, finishes the work"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
when({ step = "GPU connected to this node", by = "ms2 start" }, function()
  kill "ms2"
end)
expect(start("vme2", "ms2", { event = "failover" }), { exit = "killed" })
boot "ms1"
move_disk "ms1"
expect(start("vme2", "ms1", { event = "failover" }), { exit = "ok" })
expect_running("vme2", "ms1")
expect_device("0x8cdf9d911c60", "ms1")
