story "The GPU is assigned, but the answer is lost: it is found assigned, not assigned twice"

fault { target = "ms1", match = { method = "AddResourceSettings" }, effect = "drop after", times = 1 }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
expect_made("assign", 1)
