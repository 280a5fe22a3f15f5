story "An old script's fault: a paused VM, a saved one and one that is off are not called healthy"

by_hand("start", "vme2", "ms1")
wait(20)
by_hand("pause", "vme2", "ms1")
expect(monitor("vme2", "ms1"), { exit = "broken", says = "it is paused" })
by_hand("start", "vme2", "ms1")
by_hand("save", "vme2", "ms1")
wait(10)
expect(monitor("vme2", "ms1"), { exit = "broken", says = "it is saved" })
