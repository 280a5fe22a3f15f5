story "ExpEther Manager has a passing error of its own: the change is tried once more, and works"

fault { target = "eem", match = { verb = "PUT" }, effect = "error", http = 500, text = "internal error", times = 1 }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
