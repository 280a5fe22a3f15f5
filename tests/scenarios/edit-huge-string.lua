story "A bad edit, a string of 2 GB: refused with the line that wanted it"

local before = changes()
expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/huge-string.lua" }), {
  exit = "configuration", where = "edits/huge-string.lua:5", says = "not enough memory",
})
expect_unchanged(before)
