-- takeover monitor: the one that genw.bat calls.
local execute = require("cli.execute")
local exit_codes = require("core.exit_codes")
local output = require("cli.output")

local M = {}

local colours = { running = "green", stopped = "yellow", broken = "red", unknown = "yellow" }

function M.define(command, cli)
  command:description([[
Looks once whether the virtual machine runs healthily on this node: running, its heartbeat seen
(where the parameters ask for it), its GPU assigned and linked. Changes nothing. A virtual machine
that is missing, saved or paused is not healthy. ExpEther Manager out of reach is a remark: that is
no reason to move a virtual machine that works.

"broken" is only what was seen not to be well. Where that cannot be told (the host does not answer,
is busy, refuses the password, answers nonsense, the time is over), the answer is "unknown", exit
code 20; monitor = { when_unknown = "healthy" } in the parameters makes that 0. The genw.bat of
`takeover ecx scripts` takes 20 for normal, too: nothing is moved because nobody could be asked.]])
  command:epilog(cli.exit_codes({
    "ok", "stopped", "broken", "unknown", "configuration", "internal",
  }) .. [[


Example, in genw.bat (normal return value: 0):
  takeover --parameters C:\takeover\parameters.lua monitor vme2
  if %ERRORLEVEL% == 20 exit 0
  exit %ERRORLEVEL%]])
  command:argument("vm", "Its name in the parameters")
  command:option("--timeout", "Seconds that the look may take (default: 60)"):argname("S")
    :convert(tonumber):default("60"):show_default(false)
end

function M.run(arguments, program)
  local s = execute.session.open(arguments, program)
  local vm = s:vm(arguments.vm)
  local sequence = s:sequence("monitor")
  local c = s:context(arguments.vm)
  local result = require("failover.engine").monitor({
    context = c, sequence = sequence, deadline = arguments.timeout,
  })
  c:close()
  local code = exit_codes.of_monitor(result.answer, vm)
  output.conclude("%s on %s: %s", arguments.vm, s:node(),
    output.paint(result.answer, colours[result.answer]))
  for _, reason in ipairs(result.reasons) do
    output.line("  %s", reason)
  end
  output.document({
    command = "monitor", vm = arguments.vm, node = s:node(), answer = result.answer,
    exit_code = code, reasons = require("json").array(result.reasons),
  })
  if result.answer == "broken" then
    execute.tell_ecx(s.ecx, "error", ("%s on %s is not healthy: %s"):format(arguments.vm, s:node(),
      table.concat(result.reasons, "; ")))
  end
  return code
end

return M
