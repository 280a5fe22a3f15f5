story "A bad edit, a name that nobody declared: an error with its line, not a nil"

local before = changes()
expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/misspelt-global.lua" }), {
  exit = "configuration", where = "edits/misspelt-global.lua:5", says = "'gpus'",
})
expect_unchanged(before)
