-- For scripts: fn(...) with a failure as a value: its results, or nil and the failure. Misuse and
-- script errors still raise.
local failure = require("failure")
local loop = require("loop")

---@return any result, table? failure
return function(fn, ...)
  local results = table.pack(loop.guard(fn, ...))
  if results[1] then
    return table.unpack(results, 2, results.n)
  end
  local failed = results[2]
  local own = failure.codes[failed.code].source
  if own == "script" or own == "host" then
    error(failed, 0)
  end
  return nil, failed
end
