story "recover twice: the second finds everything in order and changes nothing"

expect(start("vme2", "ms1"), { exit = "ok" })
kill "ms1"
move_disk "ms2"
expect(start("vme2", "ms2", { event = "failover" }), { exit = "ok" })
boot "ms1"
expect(recover("vme2", "ms1"), { exit = "ok" })
local before = changes()
expect(recover("vme2", "ms1"), { exit = "ok", changes = 0 })
expect_unchanged(before)
