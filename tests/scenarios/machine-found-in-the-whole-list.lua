story "The look at one machine shows nothing, by id and by name, the whole list shows it: it is there"

expect(start("vme2", "ms1"), { exit = "ok" })
local hv = world():node("ms1").hyperv
hv.find = function() return nil end
local before = changes()
expect(recover("vme2", "ms1"), { exit = "refused", says = "must not run it" })
expect_unchanged(before)
