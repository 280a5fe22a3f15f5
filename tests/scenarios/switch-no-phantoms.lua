story "A node that forgets a dismounted card when it leaves: the move works, there and back"

cluster { switches = { phantoms = false } }
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok" })
expect(stop("vme2", "ms2"), { exit = "ok" })
move_disk "ms1"
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
