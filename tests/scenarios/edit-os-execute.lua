story "A bad edit, os.execute: not available, and process.run is named in its place"

local before = changes()
expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/os-execute.lua" }), {
  exit = "configuration", where = "edits/os-execute.lua:5", says = "process.run",
})
expect_unchanged(before)
