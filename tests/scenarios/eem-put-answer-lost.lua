story "The group is changed, but the answer is lost: seen and not done twice"

fault { target = "eem", match = { verb = "PUT" }, effect = "drop after", times = 1 }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_made("set group", 1)
expect_running("vme2", "ms1")
