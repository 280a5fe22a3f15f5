story "The disk leaves under a running VM: the monitor says broken"

expect(start("vme2", "ms1"), { exit = "ok" })
move_disk(nil)
wait(5)
expect(monitor("vme2", "ms1"), { exit = "broken" })
wait(60)
expect(monitor("vme2", "ms1"), { exit = "broken" })
