story "The VM is paused when stop comes: a paused guest cannot shut down, it is turned off"

expect(start("vme2", "ms1"), { exit = "ok" })
by_hand("pause", "vme2", "ms1")
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0, within = 30 })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
