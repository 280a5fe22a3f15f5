story "stop comes while the guest still boots and cannot be asked: asked again for its grace, then turned off, with the true reason"

cluster { vm = { heartbeat = false }, latency = { boot = 10000 } }
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", nil)
wait(2)
expect_device("0x8cdf9d911c60", "free")
