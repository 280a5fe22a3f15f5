story "A bad edit, a missing comma: the file's line is named before anything is asked or changed"

local before = changes()
expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/syntax.lua" }), {
  exit = "configuration", where = "edits/syntax.lua:8", says = "near 'vm'",
})
expect_unchanged(before)
