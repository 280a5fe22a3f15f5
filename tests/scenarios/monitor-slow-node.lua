story "Every answer takes eight seconds: the monitor ends in its own time"

expect(start("vme2", "ms1"), { exit = "ok" })
fault { target = "*", match = {}, effect = "delay", seconds = 8 }
expect(monitor("vme2", "ms1"), { within = 61 })
