story "The VM starts, but the answer is lost: it is seen running, and the start goes on"

fault { target = "ms1", match = { class = "Msvm_ComputerSystem", method = "RequestStateChange" }, effect = "drop after", times = 1 }
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
expect_made("start", 1)
