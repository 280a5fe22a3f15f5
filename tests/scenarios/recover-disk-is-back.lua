story "ms1 comes back and has the disk again: the registration there is the good one, and is kept"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
boot "ms1"
move_disk "ms1"
expect(recover("vme2", "ms1"), { exit = "ok" })
expect_registered("vme2", "ms1")
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
