-- takeover start: the one that start.bat calls.
local execute = require("cli.execute")

local M = {}

function M.define(command, cli)
  command:description([[
Makes the virtual machine run on this node, with its GPU: takes the GPU from the node that had it,
when there is evidence that it has let go; connects it here; registers the virtual machine from its
disk; assigns the GPU; starts it; waits until it is seen running and healthy. What is already so is
passed over, so that the same command resumes after a crash. When a step fails, what this run
changed is taken back.

Changes: the GPU's group in ExpEther Manager; its driver and dismount on this node; registration,
settings, devices and power of the virtual machine.

With CLP_EVENT=RECOVER it does nothing and succeeds: a server that comes back starts nothing.]])
  command:epilog(cli.exit_codes({
    "ok", "refused", "failed", "not_undone", "configuration", "busy", "cancelled", "deadline",
    "no_device", "internal", "usage", "not_writable",
  }) .. [[


Example, in start.bat:
  takeover --parameters C:\takeover\parameters.lua start vme2
  exit /b %ERRORLEVEL%]])
  command:argument("vm", "Its name in the parameters")
  command:option("--evidence", "Your word that the other node is down, as in\n"
    .. "\"ms1 is powered off, seen by Sato\"; goes to the journal"):argname("TEXT")
  execute.define_cluster(command)
  execute.define_timeout(command, "start_timeout less margin")
  command:option("--event", "What ECX would say (default: $CLP_EVENT)")
    :choices({ "start", "failover", "recover" }):argname("EVENT")
  execute.define_wait(command, 0)
end

function M.run(arguments, program)
  local event = arguments.event or require("ecx").environment().event
  if event == "recover" then
    local output = require("cli.output")
    output.line("This node came back (CLP_EVENT=RECOVER): nothing is started.")
    output.document({ command = "start", vm = arguments.vm, state = "skipped", exit_code = 0 })
    return 0
  end
  local s = execute.session.open(arguments, program)
  local vm = s:vm(arguments.vm)
  return execute.run(s, {
    command = "start", sequence = "start", vm = arguments.vm,
    deadline = execute.deadline(arguments, vm, vm.start_timeout),
    wait = arguments.wait,
    succeeded = ("%s runs on %s"):format(arguments.vm, s:node()),
  })
end

return M
