-- takeover ecx: what EXPRESSCLUSTER needs from us. Each word below it is a module of its own in
-- ecx/.
local M = {}

-- Word and one line each, in the order of the help.
M.subcommands = {
  { "scripts", "Writes start.bat, stop.bat, genw.bat and preaction.bat for a virtual machine" },
  { "import", "Prints a draft of parameters.lua from the variables of a parameters.bat" },
}

function M.define(command)
  command:description("Prepares what EXPRESSCLUSTER runs. Changes nothing in the cluster.")
  command:epilog("`takeover ecx COMMAND --help` explains each, with its exit codes and an example.")
end

function M.run(arguments, program)
  return require("cli.commands.ecx." .. arguments.subcommand).run(arguments, program)
end

return M
