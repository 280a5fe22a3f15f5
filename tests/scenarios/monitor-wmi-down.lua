story "Nobody answers on the node: the monitor does not know, and does not say that the VM is broken"

expect(start("vme2", "ms1"), { exit = "ok" })
partition "ms1"
expect(monitor("vme2", "ms1"), { exit = "unknown", says = "WMI_UNREACHABLE" })
heal()
expect(monitor("vme2", "ms1"), { exit = "ok" })
