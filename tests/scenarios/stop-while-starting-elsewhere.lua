story "stop on ms1 ends while ms2's start waits for the disk: ms2 goes on when it comes"

expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
local second = launch("start", "vme2", "ms2")
at(10, function()
  move_disk "ms2"
end)
expect(second, { exit = "ok", longer_than = 10 })
expect_running("vme2", "ms2")
