story "The VM can neither be shut down nor turned off: that alone makes stop fail, nothing else is touched"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", ignores = true })
fault { target = "ms1", match = { method = "RequestStateChange" }, effect = "job fails", text = "refused" }
local before = changes()
expect(stop("vme2", "ms1"), { exit = "failed", failed_at = "VM off" })
expect_running("vme2", "ms1")
expect_unchanged(before)
