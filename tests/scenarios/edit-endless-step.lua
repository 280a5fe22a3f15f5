story "A bad edit, a step that waits by counting: the watchdog ends the run and names its line"

local before = changes()
expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/endless-step.lua" }), {
  exit = "failed", code = "SCRIPT_STUCK", where = "edits/endless-step.lua:8",
  failed_at = "a while has passed", changes = 0,
})
expect_unchanged(before)
