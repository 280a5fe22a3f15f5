story "A bad edit, a fact that changes the world when it is asked: refused in the run, and in the plan"

local before = changes()
local edit = { sequence_file = "tests/fixtures/edits/changes-while-looking.lua" }
expect(plan("vme2", "ms1", edit), { exit = "ok" })
expect(start("vme2", "ms1", edit), {
  exit = "failed", where = "edits/changes-while-looking.lua:8", says = "holds may only look",
  changes = 0,
})
expect_unchanged(before)
