-- takeover vm: the virtual machines of parameters.lua. Each word below it is a module of its own in
-- vm/.
local M = {}

M.subcommands = {
  { "list", "Shows every virtual machine: its node, state and devices" },
}

function M.define(command)
  command:description([[
Looks at the virtual machines of parameters.lua on every node that answers. Changes nothing.]])
  command:epilog("`takeover vm COMMAND --help` explains each, with its exit codes and an example.")
end

function M.run(arguments, program)
  return require("cli.commands.vm." .. arguments.subcommand).run(arguments, program)
end

return M
