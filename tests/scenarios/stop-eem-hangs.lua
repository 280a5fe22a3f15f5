story "ExpEther Manager hangs while the VM is stopped: the VM is off, the wait for it has an end"

expect(start("vme2", "ms1"), { exit = "ok" })
fault { target = "eem", match = {}, effect = "delay", seconds = 100000 }
expect(stop("vme2", "ms1"), { exit = "ok", says = "GPU chosen", within = 60 })
expect_running("vme2", nil)
expect_registered("vme2")
