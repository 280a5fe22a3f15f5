story "The VM stands registered and critical, its storage is back after 5 minutes: the start waits for it"

expect(start("vme2", "ms1", { quiet = true }), { exit = "ok" })
by_hand("turn off", "vme2", "ms1")
wait(5)
move_disk(nil)
at(300, function()
  move_disk "ms1"
end)
expect(start("vme2", "ms1"), { exit = "ok", longer_than = 290 })
