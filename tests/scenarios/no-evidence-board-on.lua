story "ms1 does not answer, its board has power, and nobody gives his word: refused, nothing is touched"

cluster { devices = { ["0x8cdf9d911c60"] = { group_id = 50 } }, vms = { vme2 = { prepared = true, registered = {} } } }
partition "ms1"
move_disk "ms2"
local before = changes()
expect(start("vme2", "ms2"), { exit = "refused", code = "NO_EVIDENCE", says = "--evidence", changes = 0 })
expect_unchanged(before)
expect_device("0x8cdf9d911c60", "ms1")
