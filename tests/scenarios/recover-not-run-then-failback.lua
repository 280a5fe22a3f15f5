story "Nobody ran recover after ms1 came back: the move back to ms1 works all the same"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
boot "ms1"
expect(stop("vme2", "ms2"), { exit = "ok" })
move_disk "ms1"
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
expect_registered("vme2", "ms1")
