story "A bad edit, a loop without an end while the file is read: the watchdog names its line"

local before = changes()
expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/endless-loop.lua" }), {
  exit = "configuration", code = "SCRIPT_STUCK", where = "edits/endless-loop.lua:6",
})
expect_unchanged(before)
