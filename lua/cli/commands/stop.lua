-- takeover stop: the one that stop.bat calls.
local execute = require("cli.execute")

local M = {}

function M.define(command, cli)
  command:description([[
Shuts the virtual machine down on this node, takes the GPU from it, gives the GPU back to the pool,
keeps a copy of the configuration and unregisters the virtual machine, so that the next node finds
everything free. A virtual machine that is off or gone already is a success.

Forgiving, because a stop script that fails makes EXPRESSCLUSTER shut the server down: only a
virtual machine that cannot be stopped is a failure. ExpEther Manager or a journal out of reach are
warnings; the next start takes the GPU.

A start of the same virtual machine that is under way on this node is asked to give way: it takes
back what it made, and stop waits for that, half of its own time at the most.

Changes: power, devices and registration of the virtual machine; a copy of its configuration; the
GPU's group.]])
  command:epilog(cli.exit_codes({
    "ok", "failed", "not_undone", "configuration", "busy", "cancelled", "deadline", "internal",
    "usage",
  }) .. [[


Example, in stop.bat:
  takeover --parameters C:\takeover\parameters.lua stop vme2
  exit /b %ERRORLEVEL%]])
  command:argument("vm", "Its name in the parameters")
  execute.define_timeout(command, "stop_timeout less margin")
  execute.define_wait(command, 30)
end

function M.run(arguments, program)
  local s = execute.session.open(arguments, program)
  local vm = s:vm(arguments.vm)
  return execute.run(s, {
    command = "stop", sequence = "stop", vm = arguments.vm,
    deadline = execute.deadline(arguments, vm, vm.stop_timeout), wait = arguments.wait,
    journal_optional = true,
    succeeded = ("%s is stopped on %s"):format(arguments.vm, s:node()),
  })
end

return M
