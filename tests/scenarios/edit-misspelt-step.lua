story "A bad edit, a misspelt step: its name and line are said, nothing is changed"

local before = changes()
expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/misspelt-step.lua" }), {
  exit = "configuration", where = "edits/misspelt-step.lua:7", says = 'no step "vm.regsitered"',
})
expect_unchanged(before)
