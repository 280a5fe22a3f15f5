story "A bad edit, a file that waits while it is read: only steps may wait"

local before = changes()
expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/waits-while-read.lua" }), {
  exit = "configuration", where = "edits/waits-while-read.lua:5", within = 0,
})
expect_unchanged(before)
