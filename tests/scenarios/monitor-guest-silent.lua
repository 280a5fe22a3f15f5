story "A guest that stops answering makes the monitor say broken, and healthy again when it answers"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("guest", { vm = "vme2", silent = true })
expect(monitor("vme2", "ms1"), { exit = "broken", says = "heartbeat: lost" })
admin("guest", { vm = "vme2", silent = false })
expect(monitor("vme2", "ms1"), { exit = "ok" })
