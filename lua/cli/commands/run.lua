-- takeover run: a Lua script of one's own with all natives.
local M = {}

-- `takeover run --help` asks about `run`; what follows a script's name belongs to the script.
local function asks_help(arguments)
  for i, argument in ipairs(arguments) do
    if argument == "run" then
      return arguments[i + 1] == "--help" or arguments[i + 1] == "-h"
    end
  end
  return false
end

function M.define(command, cli, arguments)
  command:description([[
Runs a Lua script inside the scheduler: every native can be required, and each call that waits gives
way to the script's other tasks. What follows the script's name belongs to the script: `...` and the
global `arg`. A whole number that it returns is the exit code.

What the script changes is the script's own business: no lock, no journal, no undo.]])
  command:epilog(cli.exit_codes({ "ok", "internal", "usage" })
    .. "\n\nExample:\n  takeover run devices.lua --all")
  command:argument("script", "A Lua file")
  command:argument("args", "Its arguments"):args("*")
  command:handle_options(asks_help(arguments))
end

function M.run(arguments)
  local script = arguments.script
  local list = arguments.args
  rawset(_G, "arg", table.move(list, 1, #list, 1, { [0] = script }))
  local chunk, message = loadfile(script)
  if not chunk then
    require("failure").raise({ code = "SCRIPT_ERROR", message = message })
  end
  return chunk(table.unpack(list))
end

return M
