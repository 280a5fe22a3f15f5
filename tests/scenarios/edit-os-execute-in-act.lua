story "A bad edit, os.execute inside a step: the run fails with the line, what it had made is taken back"

expect(start("vme2", "ms1", { sequence_file = "tests/fixtures/edits/os-execute-in-act.lua" }), {
  exit = "failed", code = "SCRIPT_ERROR", where = "edits/os-execute-in-act.lua:11",
  failed_at = "start announced", undone = true,
})
wait(2)
expect_device("0x8cdf9d911c60", "free")
