-- takeover lab: the simulated cluster as a server. Its options are its own (lua/lab/main.lua).
local M = {}

function M.define(command)
  command:description([[
Serves a simulated cluster over real HTTP on this computer: ExpEther Manager at /eem, one
WS-Management endpoint for each node, and an administrator's endpoint that tells the truth and
takes faults. Prints one line of JSON with the addresses, then serves until it is stopped.
See docs/lab.md.

Example:
  takeover lab --help]])
  command:argument("args", "Options of the lab"):args("*")
  command:handle_options(false)
end

function M.run(arguments, program)
  return require("lab.main").run(arguments.args, program)
end

return M
