story "The I/O box is switched off: said so, nothing is changed; it is switched on in time: waited for"

admin("device", { id = "0x8cdf9d911c60", power = "off" })
local before = changes()
expect(start("vme2", "ms1"), { exit = "failed", code = "NOT_REACHED", says = "has no power", changes = 0 })
expect_unchanged(before)
at(10, function()
  admin("device", { id = "0x8cdf9d911c60", power = "on" })
end)
expect(start("vme2", "ms1"), { exit = "ok" })
