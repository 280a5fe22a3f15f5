story "A Windows that counts critical states from another number: known as not healthy all the same"

cluster { switches = { critical_base = 32790 } }
expect(start("vme2", "ms1"), { exit = "ok" })
move_disk(nil)
wait(5)
expect(monitor("vme2", "ms1"), { exit = "broken" })
