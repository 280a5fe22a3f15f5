story "ms1 loses power after connecting the GPU to itself; EEM shows its board off, and that is evidence enough"

when({ step = "GPU connected to this node", by = "ms1 start" }, function()
  kill "ms1"
end)
expect(start("vme2", "ms1"), { exit = "killed" })
move_disk "ms2"
expect(start("vme2", "ms2", { event = "start" }), { exit = "ok", says = "powered off" })
expect_running("vme2", "ms2")
