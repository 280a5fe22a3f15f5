std = "lua54"
max_line_length = 100
cache = false
self = false
exclude_files = { "build/**", "lua/meta/**", "tests/fixtures/edits/**" }
-- Where it is decided what scripts may not do.
files["lua/host/boot.lua"].globals = { "package", "os", "io" }
files["examples/parameters.lua"].read_globals = { "secret" }
files["tests/spec"].std = "+busted"
-- The words of lua/lab/story; a story's sentence stays on one line.
files["tests/scenarios"].max_line_length = false
files["tests/scenarios"].read_globals = {
  "story", "cluster", "truth", "world", "allow", "fail",
  "start", "stop", "monitor", "plan", "prepare", "recover", "launch", "crash", "interrupt",
  "wait", "at", "when",
  "admin", "boot", "by_hand", "fault", "heal", "kill", "move_disk", "partition",
  "expect", "expect_as_planned", "expect_device", "expect_file", "expect_planned",
  "expect_registered", "expect_running", "expect_unchanged", "changes",
}
files["tests/fixtures/broken"].ignore = { "." }
