story "Clean move: ms1 stops vme2, ms2 starts it"

expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
expect(monitor("vme2", "ms1"), { exit = "ok" })

expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
expect_device("0x8cdf9d911c60", "free")
expect(monitor("vme2", "ms1"), { exit = "stopped" })

move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok" })
expect_running("vme2", "ms2")
expect_device("0x8cdf9d911c60", "ms2")
expect(monitor("vme2", "ms2"), { exit = "ok" })
