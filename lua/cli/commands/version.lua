-- takeover version.
local output = require("cli.output")

local M = {}

function M.define(command)
  command:description("Prints the version of Takeover and of Lua.")
end

function M.run(_, program)
  output.line("takeover %s (%s)", program.version, _VERSION)
  output.document({ version = program.version, lua = _VERSION })
  return 0
end

return M
