story "The running VM loses its GPU and goes on: the monitor does not call that healthy"

cluster { switches = { gpu_loss = "lost" } }
allow "I1"
expect(start("vme2", "ms1"), { exit = "ok" })
admin("device", { id = "0x8cdf9d911c60", power = "off" })
wait(5)
expect_running("vme2", "ms1", { gpu = false })
expect(monitor("vme2", "ms1"), { exit = "broken", says = "0 of 1 devices" })
