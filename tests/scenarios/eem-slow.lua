story "ExpEther Manager takes five seconds for every answer: start is slower, and works"

fault { target = "eem", match = {}, effect = "delay", seconds = 5 }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
