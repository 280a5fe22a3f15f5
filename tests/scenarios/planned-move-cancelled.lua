story "A planned move is stopped in the middle on ms2 (the group is moved back at once): the VM runs where it was"

expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
local stopping
when({ step = "GPU assigned to the VM", by = "ms2 start" }, function()
  stopping = launch("stop", "vme2", "ms2")
end)
expect(start("vme2", "ms2"), { exit = "cancelled", undone = true })
expect(stopping, { exit = "ok" })
move_disk "ms1"
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
