story "A VM with two cards, and one has no power: all or nothing, neither is moved"

cluster { vm = { gpus = { { id = "0x8cdf9d911c60" }, { id = "0x8cdf9d911c62" } } } }
admin("device", { id = "0x8cdf9d911c62", power = "off" })
local before = changes()
expect(start("vme2", "ms1"), { exit = "failed", says = "0x8cdf9d911c62 has no power", changes = 0 })
expect_unchanged(before)
