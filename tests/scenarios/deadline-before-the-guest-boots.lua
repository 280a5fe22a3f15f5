story "ECX's time for start is shorter than the guest's boot: given up in time, everything is taken back"

cluster { latency = { answer = 0 } }
expect(start("vme2", "ms1", { timeout = 20 }), { exit = "deadline", undone = true, within = 20 })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
