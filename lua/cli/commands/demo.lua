-- takeover demo: what Takeover does, shown in a simulated cluster (lua/cli/demo).
local M = {}

function M.define(command, cli)
  command:description([[
Starts a simulated cluster (takeover lab) and plays a story in it with the real program, over real
HTTP, each command as a process of its own: both servers are prepared, the virtual machine starts,
moves to the other server and back; then its server loses power in the middle of a start, the other
one takes over, and the first one comes back. Shows every step live, then a table of what happened,
how long it took, and what the cluster itself says is true.

Needs no parameters and touches nothing outside a temporary directory.]])
  command:epilog(cli.exit_codes({ "ok", "failed", "cancelled" })
    .. "\n\nExample:\n  takeover demo --keep")
  command:option("--speed", "How many times faster things go in the cluster (default: 1)")
    :argname("N"):convert(tonumber):default("1"):show_default(false)
  command:flag("--keep", "Keep the temporary directory: parameters, journals, secrets of the lab")
end

function M.run(arguments, program)
  return require("cli.demo.story").run(arguments, program)
end

return M
