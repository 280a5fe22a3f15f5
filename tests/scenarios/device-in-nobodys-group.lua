story "Somebody has put the GPU into a group that no board has: refused, nothing is changed"

allow "I3"
admin("device", { id = "0x8cdf9d911c60", group_id = 77 })
local before = changes()
expect(start("vme2", "ms1", { evidence = "nobody uses it" }), { exit = "refused", says = "group 77", changes = 0 })
expect_unchanged(before)
