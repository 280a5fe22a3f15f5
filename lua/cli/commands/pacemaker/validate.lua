-- takeover pacemaker validate: what the agent's validate-all asks.
local exit_codes = require("core.exit_codes")
local output = require("cli.output")
local session = require("cli.session")

local M = {}

function M.define(command, cli)
  command:description([[
Reads parameters.lua and the sequences and says whether the virtual machine and this node are in it.
Asks nobody and changes nothing: what `takeover check` does beyond that needs the hosts.]])
  command:epilog(cli.exit_codes({ "ok", "configuration" })
    .. "\n\nExample:\n  takeover pacemaker validate vme2")
  command:argument("vm", "Its name in the parameters")
end

function M.run(arguments, program)
  local s = session.open(arguments, program)
  local vm = s:vm(arguments.vm)
  for _, name in ipairs({ "start", "stop", "monitor" }) do
    s:sequence(name)
  end
  output.line("%s is known, this node is %s", vm.name or arguments.vm, s:node())
  output.document({
    command = "pacemaker validate", vm = arguments.vm, node = s:node(), exit_code = exit_codes.ok,
  })
  return exit_codes.ok
end

return M
