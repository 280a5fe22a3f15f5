story "EEM answers 200, but the group id stays: read back, tried once more, then a failure of its own"

fault { target = "eem", match = { verb = "PUT" }, effect = "lie", times = 2 }
expect(start("vme2", "ms1"), { exit = "failed", code = "EEM_NOT_APPLIED", undone = true })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")

heal()
fault { target = "eem", match = { verb = "PUT" }, effect = "lie", times = 1 }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
