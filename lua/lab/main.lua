-- The lab as a program of its own: says where it listens in one JSON line, then serves until a
-- signal or POST /lab/quit. Used by `takeover lab`.
local json = require("json")
local scheduler = require("host.scheduler")
local server = require("lab.server")

local M = {}

local QUIT_CHECK = 0.02 -- seconds

-- Runs inside a task; returns the exit code. Cancelling the task (a signal) ends it too.
---@param options table of lab.server.start
---@return integer
function M.run(options)
  local lab = server.start(options)
  io.stdout:write(json.encode(lab:addresses()), "\n")
  io.stdout:flush()
  local ok, problem = pcall(function()
    while not lab.quit do
      scheduler.sleep(QUIT_CHECK)
    end
    scheduler.sleep(QUIT_CHECK) -- the answer to the one who asked still goes out
  end)
  lab:close()
  if not ok then
    error(problem, 0)
  end
  return 0
end

return M
