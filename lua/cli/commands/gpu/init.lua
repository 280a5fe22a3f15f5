-- takeover gpu: what there is of GPUs, who has them, and what parameters.lua should say of them.
-- Each word below it is a module of its own in gpu/.
local M = {}

-- Word and one line each, in the order of the help.
M.subcommands = {
  { "list", "Shows every device: its state, node and virtual machine" },
  { "explain", "Shows why a virtual machine gets a device, or none" },
  { "place", "Shows where virtual machines would go, with which devices; does nothing" },
  { "whatif", "Shows which virtual machines would not come back after a failure" },
  { "suggest", "Prints entries for parameters.lua for devices that it does not describe" },
}

function M.define(command)
  command:description([[
Looks at every GPU of the cluster: what ExpEther Manager shows, what the nodes have, what
parameters.lua says of it. Changes nothing.]])
  command:epilog("`takeover gpu COMMAND --help` explains each, with its exit codes and an example.")
end

function M.run(arguments, program)
  return require("cli.commands.gpu." .. arguments.subcommand).run(arguments, program)
end

return M
