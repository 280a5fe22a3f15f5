-- What sequences and steps are written with: `local failover = require("failover")`.
local failure = require("failure")
local step = require("failover.engine.step")

local M = {
  step = step.step,
  with = step.with,
  collect = step.collect,
  sequence = step.sequence,
  together = step.together,
}

-- Calls fn(...); gives its results, or nil and the failure object.
function M.try(fn, ...)
  return require("failover.engine").try(fn, ...)
end

-- For the end of holds: is it so, and if not, why not.
function M.answer(is_so, why_not)
  if is_so then
    return true
  end
  return false, why_not
end

-- Says that a safety rule forbids to go on. Nothing more is done.
function M.refuse(format, ...)
  failure.raise({ code = "REFUSED", message = string.format(format, ...) })
end

-- Raises a failure with one of the codes in failure.codes.
function M.fail(code, format, ...)
  failure.raise({ code = code, message = string.format(format, ...) })
end

-- Loads a sequence by name ("start") from lua/failover/sequences on the module path, or by the
-- path of a file.
-- Raises SCRIPT_ERROR with file and line.
function M.load_sequence(name)
  local path = name:find("%.lua$") and name
    or package.searchpath("failover.sequences." .. name, package.path)
  if not path then
    failure.raise({ code = "CONFIG", message = "there is no sequence " .. name })
  end
  local chunk, message = loadfile(path, "t")
  local ok, result = false, message
  if chunk then
    ok, result = require("loop").guard(chunk)
  end
  if not ok then
    if failure.is(result) then
      error(result, 0)
    end
    failure.raise({ code = "SCRIPT_ERROR", message = tostring(result) })
  end
  if not step.is_sequence(result) then
    failure.raise({ code = "SCRIPT_ERROR", message = path .. " does not return a sequence" })
  end
  return result
end

return M
