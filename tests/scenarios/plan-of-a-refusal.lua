story "Plan honesty: the VM runs on ms1; plan on ms2 says that it would be refused, and start is"

expect(start("vme2", "ms1"), { exit = "ok" })
local before = changes()
local planned = plan("vme2", "ms2")
local refused = false
for _, step in ipairs(planned.result) do
  refused = refused or step.state == "refused"
end
if not refused then
  fail("the plan does not say that start would be refused")
end
expect(start("vme2", "ms2"), { exit = "refused", changes = 0 })
expect_unchanged(before)
