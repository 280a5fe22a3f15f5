story "The disk is not here: start says where it looked, and nothing is changed"

move_disk(nil)
local before = changes()
expect(start("vme2", "ms2"), { exit = "failed", says = "is the disk here?", changes = 0, within = 60 })
expect_unchanged(before)
