story "A bad edit, no return: a file that gives no sequence is not taken for an empty one"

local before = changes()
expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/returns-nothing.lua" }), {
  exit = "configuration", where = "edits/returns-nothing.lua", says = "does not return a sequence",
})
expect_unchanged(before)
