-- takeover secret: writes, names and removes secrets. A value comes from standard input or from a
-- prompt that does not show it, never from the command line, and goes nowhere but into its file.
-- Each word below it is a module of its own in secret/.
local failure = require("failure")

local M = {}

-- Word and one line each, in the order of the help.
M.subcommands = {
  { "set", "Writes a secret: asks for it, or reads it where standard input is no terminal" },
  { "list", "Shows names and kinds, and which ones the parameters ask for" },
  { "remove", "Removes a secret's file" },
}

function M.define(command)
  command:description([[
Keeps what parameters.lua only names, as in password = secret "eem": one file for each secret, which
nobody but its owner and administrators can read; on Windows it is encrypted for this computer, too.
Values are never shown, and never taken from the command line.]])
  command:epilog("`takeover secret COMMAND --help` explains each.")
end

-- Raises USAGE for what is not the name of a secret.
function M.check_name(name)
  local ok, failed = require("loop").guard(require("secret").reference, name)
  if not ok then
    failure.raise({ code = "USAGE", message = ("'%s' is not the name of a secret"):format(name),
      hint = failed.message:match("(letters, .*)$") })
  end
end

function M.run(arguments, program)
  local directory, parameters = require("cli.session").secrets(arguments, program)
  require("cli.commands.secret." .. arguments.subcommand).run(arguments, directory, parameters)
  return 0
end

return M
