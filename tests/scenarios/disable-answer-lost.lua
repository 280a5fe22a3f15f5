story "The answer to the first of two disables is lost: it was done, the second follows, and the start goes on"

cluster {}
fault { target = "ms1", match = { method = "Disable" }, effect = "drop after", times = 1 }
expect(start("vme2", "ms1"), { exit = "ok", steps = { ["GPU driver disabled on this node"] = "done" } })
expect_running("vme2", "ms1")
