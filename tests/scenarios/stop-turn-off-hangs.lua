story "Turning the VM off hangs: stop tries while it has time, ends in it and says that the VM runs"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", ignores = true })
fault { target = "ms1", match = { method = "RequestStateChange" }, effect = "job hangs" }
expect(stop("vme2", "ms1"), { exit = "failed", failed_at = "VM off", within = 1770, longer_than = 1600 })
expect_running("vme2", "ms1")
