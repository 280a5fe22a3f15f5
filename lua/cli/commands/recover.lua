-- takeover recover: a node that came back.
local execute = require("cli.execute")

local M = {}

function M.define(command, cli)
  command:description([[
Puts this node in order after it came back from a failure: removes a registration of the virtual
machine whose files are on another node now, and a half-finished import; gives back a GPU that is
still in this node's group and that nobody here uses. Starts nothing, and touches no virtual machine
that runs.

Changes: registration on this node; the GPU's group when it is this node's.]])
  command:epilog(cli.exit_codes({
    "ok", "refused", "failed", "not_undone", "configuration", "busy", "cancelled", "deadline",
    "not_writable",
  }) .. "\n\nExample:\n  takeover plan recover vme2\n  takeover recover vme2")
  command:argument("vm", "Its name in the parameters")
  execute.define_timeout(command, "start_timeout less margin")
  execute.define_wait(command, 0)
end

function M.run(arguments, program)
  local s = execute.session.open(arguments, program)
  local vm = s:vm(arguments.vm)
  return execute.run(s, {
    command = "recover", sequence = "recover", vm = arguments.vm,
    deadline = execute.deadline(arguments, vm, vm.start_timeout), wait = arguments.wait,
    succeeded = ("%s is in order for %s"):format(s:node(), arguments.vm),
  })
end

return M
