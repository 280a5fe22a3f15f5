-- takeover pacemaker: what Pacemaker needs from us. Each word below it is a module of its own in
-- pacemaker/.
local M = {}

-- Word and one line each, in the order of the help.
M.subcommands = {
  { "config", "Prints resources and constraints for virtual machines, as pcs commands or XML" },
  { "attributes", "Tells Pacemaker which virtual machines could start on this node" },
  { "validate", "Says whether parameters.lua can be read and knows a virtual machine" },
}

function M.define(command)
  command:description("Prepares what Pacemaker runs, and what its agents ask. docs/pacemaker.md "
    .. "describes the whole.")
  command:epilog("`takeover pacemaker COMMAND --help` explains each, with its exit codes and an "
    .. "example.")
end

function M.run(arguments, program)
  return require("cli.commands.pacemaker." .. arguments.subcommand).run(arguments, program)
end

return M
