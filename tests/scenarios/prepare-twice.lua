story "prepare twice on one server: the second finds everything so and changes nothing"

cluster { vms = { vme2 = {} } }
expect(prepare("vme2", "ms1"), { exit = "ok" })
local before = changes()
expect(prepare("vme2", "ms1"), { exit = "ok", changes = 0 })
expect_unchanged(before)
