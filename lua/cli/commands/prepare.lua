-- takeover prepare: the one-time set-up of a node.
local execute = require("cli.execute")

local M = {}

function M.define(command, cli)
  command:description([[
Sets this node up for the GPU of a virtual machine, once: brings the GPU here when no running
virtual machine uses it, disables its driver for good, dismounts it from the host; and gives the
virtual machine, where it is registered here, the settings that an assigned GPU needs (turn off as
stop action, cache types, MMIO space). Run it on every node, while the virtual machine is off.

Changes: the GPU's group; its driver and dismount on this node; settings of the virtual machine.]])
  command:epilog(cli.exit_codes({
    "ok", "refused", "failed", "not_undone", "configuration", "busy", "cancelled", "deadline",
    "no_device", "not_writable",
  }) .. "\n\nExample:\n  takeover plan prepare vme2\n  takeover prepare vme2")
  command:argument("vm", "Its name in the parameters")
  command:option("--evidence", "Your word that the other node is down; goes to the journal")
    :argname("TEXT")
  execute.define_cluster(command)
  execute.define_timeout(command, "start_timeout less margin")
  execute.define_wait(command, 0)
end

function M.run(arguments, program)
  local s = execute.session.open(arguments, program)
  local vm = s:vm(arguments.vm)
  return execute.run(s, {
    command = "prepare", sequence = "prepare", vm = arguments.vm,
    deadline = execute.deadline(arguments, vm, vm.start_timeout), wait = arguments.wait,
    succeeded = ("%s is prepared for %s"):format(s:node(), arguments.vm),
  })
end

return M
