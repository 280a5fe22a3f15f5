story "ExpEther Manager is down: the monitor says so and stays healthy, for the VM works"

expect(start("vme2", "ms1"), { exit = "ok" })
admin("eem", { up = false })
expect(monitor("vme2", "ms1"), { exit = "ok", says = "EEM_UNREACHABLE" })
