story "start of what runs already changes nothing and says so"

expect(start("vme2", "ms1"), { exit = "ok" })
local before = changes()
expect(start("vme2", "ms1"), { exit = "ok", changes = 0 })
if changes() ~= before then
  fail("a second start changed something")
end
