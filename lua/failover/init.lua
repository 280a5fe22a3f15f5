-- What sequences and steps are written with: `local failover = require("failover")`.
local failure = require("failure")
local step = require("failover.engine.step")

local M = {
  step = step.step,
  with = step.with,
  collect = step.collect,
  sequence = step.sequence,
  together = step.together,
  -- Calls fn(...); gives its results, or nil and the failure object.
  try = require("failover.engine.try"),
}

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

-- The line of the file in which a coroutine ended: an error that is too big to carry a place (no
-- memory left) still has one.
local function place_in(co, path)
  local level = 0
  while true do
    local info = debug.getinfo(co, level, "Sl")
    if not info then
      return path
    elseif info.source == "@" .. path and info.currentline > 0 then
      return path .. ":" .. info.currentline
    end
    level = level + 1
  end
end

-- Runs the chunk of a sequence file. Raises its error as a failure that names file and line.
local function run_file(chunk, path)
  local co = coroutine.create(chunk)
  local ok, result = coroutine.resume(co)
  if ok and coroutine.status(co) == "dead" then
    return result
  end
  if ok then
    result = "a sequence file lists steps; it cannot wait for anything itself"
  end
  if not failure.is(result) then
    result = failure.new({ code = "SCRIPT_ERROR", message = tostring(result) })
  end
  result.where = place_in(co, path)
  error(result, 0)
end

-- Loads a sequence by name ("start") from lua/failover/sequences on the module path, or by the
-- path of a file. Raises SCRIPT_ERROR or SCRIPT_STUCK with file and line, and the path in
-- details.sequence: whoever sees that knows that nothing was run yet.
function M.load_sequence(name)
  local path = name:find("%.lua$") and name
    or package.searchpath("failover.sequences." .. name, package.path)
  if not path then
    failure.raise({ code = "CONFIG", message = "there is no sequence " .. name })
  end
  local chunk, message = loadfile(path, "t")
  local ok, result = false, message
  if chunk then
    ok, result = require("loop").guard(run_file, chunk, path)
  end
  if ok and not step.is_sequence(result) then
    ok, result = false, path .. " does not return a sequence"
  end
  if not ok then
    if not failure.is(result) then -- its text names the place already
      result = failure.new({ code = "SCRIPT_ERROR", message = tostring(result) })
      result.where = path
    end
    result.details = { sequence = path }
    error(result, 0)
  end
  return result
end

return M
