story "A VM with two cards: both come, both go, both move"

cluster { vm = { gpus = { { id = "0x8cdf9d911c60" }, { id = "0x8cdf9d911c62" } } } }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_device("0x8cdf9d911c60", "ms1")
expect_device("0x8cdf9d911c62", "ms1")
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok" })
expect_device("0x8cdf9d911c60", "ms2")
expect_device("0x8cdf9d911c62", "ms2")
