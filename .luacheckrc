std = "lua54"
max_line_length = 100
cache = false
self = false
exclude_files = { "build/**", "lua/meta/**", "tests/fixtures/edits/**" }
-- Where it is decided what scripts may not do.
files["lua/host/boot.lua"].globals = { "package", "os", "io" }
files["examples/parameters.lua"].read_globals = { "secret" }
files["tests/spec"].std = "+busted"
files["tests/fixtures/broken"].ignore = { "." }
