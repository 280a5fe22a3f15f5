story "Every answer of ExpEther Manager takes 8 s and the time is short: start ends inside it, and says what is left"

fault { target = "eem", match = {}, effect = "delay", seconds = 8 }
expect(start("vme2", "ms1", { timeout = 120 }), { exit = "not_undone", within = 120.5 })
expect_running("vme2", nil)
heal()
expect(start("vme2", "ms1"), { exit = "ok" })
