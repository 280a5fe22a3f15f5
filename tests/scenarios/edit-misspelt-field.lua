story "A bad edit, a misspelt field of a step: the fields that there are are listed"

local before = changes()
expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/misspelt-field.lua" }), {
  exit = "configuration", where = "edits/misspelt-field.lua:4", says = "act, code, commits, ended, grace, holds",
})
expect_unchanged(before)
