std = "lua54"
max_line_length = 100
cache = false
self = false
exclude_files = { "build/**", "lua/meta/**", "tests/fixtures/edits/**" }
-- Where it is decided what scripts may not do.
files["lua/cli/boot.lua"].globals = { "package", "os", "io", "debug" }
files["examples/parameters.lua"].read_globals = { "secret" }
files["examples/fleet.lua"].read_globals = { "secret" }
files["tests/spec"].std = "+busted"
-- The words of scenarios are what lua/lab/story defines: `function w.word` and `function v.word`,
-- and the commands. A story's sentence stays on one line.
local words = { "start", "stop", "monitor", "prepare", "recover", "plan" }
for _, name in ipairs({ "drain", "ecx", "expected", "inventory", "vocabulary" }) do
  local file = io.open("lua/lab/story/" .. name .. ".lua")
  for word in (file and file:read("*a") or ""):gmatch("function [vw]%.([%w_]+)") do
    words[#words + 1] = word
  end
  if file then
    file:close()
  end
end
files["tests/scenarios"].read_globals = words
files["tests/scenarios"].max_line_length = false
files["tests/fixtures/broken"].ignore = { "." }
