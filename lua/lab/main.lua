-- The lab as a program of its own (`takeover lab`): says where it listens in one line of JSON, then
-- serves until it is cancelled (a signal) or told to end by POST /lab/quit.
local failure = require("failure")
local json = require("json")
local scheduler = require("host.scheduler")
local server = require("lab.server")

local M = {}

local QUIT_CHECK = 0.02 -- seconds

-- Runs inside a task and gives the exit code. Raises USAGE for options that do not fit together.
---@param options LabOptions
---@return integer
function M.run(options)
  local ok, lab = pcall(server.start, options)
  if not ok then
    if failure.is(lab) then
      error(lab, 0)
    end
    failure.raise({ code = "USAGE", message = tostring(lab):match("^[^\n]*") })
  end
  io.stdout:write(json.encode(lab:addresses()), "\n")
  io.stdout:flush()
  local served, problem = pcall(function()
    while not lab.quit do
      scheduler.sleep(QUIT_CHECK)
    end
    scheduler.sleep(QUIT_CHECK) -- the answer to the one who asked still goes out
  end)
  lab:close()
  if not served then
    error(problem, 0)
  end
  return 0
end

return M
