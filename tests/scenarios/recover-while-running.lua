story "recover on the node where the VM runs: refused, it is left alone"

expect(start("vme2", "ms1"), { exit = "ok" })
expect(recover("vme2", "ms1"), { exit = "refused" })
expect_running("vme2", "ms1")
expect(monitor("vme2", "ms1"), { exit = "ok" })
