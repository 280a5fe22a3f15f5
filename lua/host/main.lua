local M = {}
function M.run(arguments)
  local scheduler = require("host.scheduler")
  local ok,
    err = scheduler.run(function() return assert(loadfile(arguments[2]))(table.unpack(arguments,
    3)) end)
  if not ok then io.stderr:write(tostring(err), "\n") return 21 end
  return math.tointeger(err) or 0
end
return M
