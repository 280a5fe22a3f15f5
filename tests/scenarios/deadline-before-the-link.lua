story "ECX's time for start is over before the GPU is linked: the device is back in the pool in time"

cluster { latency = { link = 50 } }
expect(start("vme2", "ms1", { timeout = 30 }), { exit = "deadline", undone = true, within = 30 })
wait(60)
expect_device("0x8cdf9d911c60", "free")
