story "A planned move fails on ms2, and nobody calls stop there: the undo is enough to start where it was"

expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
move_disk "ms2"
fault { target = "ms2", match = { method = "RequestStateChange", nth = 1 }, effect = "error" }
expect(start("vme2", "ms2"), { exit = "failed", undone = true })
move_disk "ms1"
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
