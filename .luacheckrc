std = "lua54"
max_line_length = 100
cache = false
exclude_files = { "build/**", "lua/meta/**" }
files["tests/spec"].std = "+busted"
files["tests/fixtures/broken"].ignore = { "." }
