-- takeover lab: the simulated cluster as a server. Its options are its own (lua/lab/main.lua).
local M = {}

function M.define(command)
  command:description("Serves a simulated cluster over HTTP: see `takeover lab --help`.")
  command:argument("args", "Options of the lab"):args("*")
  command:handle_options(false)
end

function M.run(arguments)
  require("loop").catch_signals()
  return require("lab.main").run(arguments.args)
end

return M
