story "The guest has crashed before stop comes: the rest is put in order"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("crash guest", { vm = "vme2" })
expect(monitor("vme2", "ms1"), { exit = "broken" })
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0, steps = { ["VM off"] = "already" } })
wait(2)
expect_device("0x8cdf9d911c60", "free")
expect(monitor("vme2", "ms1"), { exit = "stopped" })
