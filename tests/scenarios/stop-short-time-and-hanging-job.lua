story "stop has 60 s and turning off hangs: it ends inside its time and says that the VM runs"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", ignores = true })
fault { target = "ms1", match = { method = "RequestStateChange" }, effect = "job hangs" }
expect(stop("vme2", "ms1", { timeout = 60 }), { failed_at = "VM off", within = 60 })
expect_running("vme2", "ms1")
