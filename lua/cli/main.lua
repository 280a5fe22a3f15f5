-- The program, after boot.lua: reads the command line, runs one command inside the scheduler, says
-- what went wrong, and gives the exit code.
local M = {}

local function describe(failed, remedy)
  local document = { hint = remedy }
  for _, key in ipairs({
    "source", "code", "message", "target", "node", "transient", "http", "hresult", "where",
    "maybe_executed",
  }) do
    document[key] = failed[key]
  end
  return document
end

-- Says a failure that ended a command, to people or as JSON.
local function complain(failed, parsed, code)
  local output, command = require("cli.output"), parsed.command
  local about = { command = command, vm = parsed.vm, node = parsed.node }
  local remedy = require("failover.engine.verdict").remedy(failed, about)
  if output.is_json() then
    output.document({
      command = command, state = "failed", exit_code = code, failure = describe(failed, remedy),
    })
  end
  if failed.details and failed.details.mistakes then
    for _, mistake in ipairs(failed.details.mistakes) do
      output.complain(mistake.text)
    end
    local count = #failed.details.mistakes
    output.complain(("takeover: %d mistake%s in %s; nothing was done"):format(count,
      count == 1 and "" or "s", failed.target or "the parameters"), true)
    return
  end
  output.complain("takeover: " .. tostring(failed), true)
  if remedy and not failed.hint then
    output.complain("  What to do: " .. remedy, true)
  end
  if failed.traceback and (failed.code == "INTERNAL" or command == "run") then
    output.complain(failed.traceback)
  end
end

-- Seconds that the scripts of a failover may compute without waiting for anything. Reading a file
-- from a slow disk counts, too.
local STUCK = 10
local runs_scripts = {
  start = true, stop = true, monitor = true, prepare = true, recover = true, plan = true,
  status = true, gpu = true, vm = true,
}

-- Seconds after which a command that only looks gives up what is still missing, however slowly it
-- comes: whoever waits for the answer decides by it.
local LOOK_WITHIN = 120
local only_looks = {
  status = true, vm = true, gpu = true, check = true, plan = true, undrain = true,
}

-- Scripts cannot take the watch away again.
local function watch_scripts()
  local loop = require("loop")
  require("core.scheduler")
  local watchdog, stricter = loop.watchdog, false
  watchdog(STUCK)
  loop.slice = nil
  -- A script may give itself less time, once: each time begins the watch anew.
  function loop.watchdog(seconds)
    if not stricter and seconds > 0 and seconds < STUCK then
      stricter = true
      watchdog(seconds)
    end
  end
end

local function run_command(command, name, ...)
  if only_looks[name] then
    local scheduler = require("core.scheduler")
    scheduler.set_deadline(scheduler.now() + LOOK_WITHIN)
  end
  return command.run(...)
end

local function usage(why)
  if why.help then
    io.stdout:write(why.help, "\n")
    return 0
  end
  require("cli.output").complain("takeover: " .. why.mistake .. "\n" .. why.usage, true)
  return require("core.exit_codes").usage
end

-- Their exit code says what is true in the cluster, and others decide by it: whether anybody can
-- read what they print changes nothing.
local tells_by_exit_code = {
  start = true, stop = true, monitor = true, prepare = true, recover = true, drain = true,
  undrain = true,
}

---@return integer exit code, string? command
local function run(arguments, program)
  local cli = require("cli.cli")
  if not arguments[1] then
    arguments[1] = "--help"
  end
  local parsed, why = cli.parse(arguments)
  if not parsed then
    return usage(why)
  end
  program.path = arguments[0]
  local output = require("cli.output")
  local suits, why_not = pcall(output.adapt, parsed)
  if not suits then
    return usage({ mistake = "$TAKEOVER_CODE_PAGE: " .. tostring(why_not), usage = "" })
  end
  local command = require("cli.commands." .. parsed.command)
  if runs_scripts[parsed.command] then
    watch_scripts()
  end
  local ok, result = require("core.scheduler").run(run_command, command, parsed.command, parsed,
    program)
  if ok then
    return math.tointeger(result) or 0, parsed.command
  end
  local exit_codes = require("core.exit_codes")
  local code = exit_codes.of_failure(result)
  if code == exit_codes.configuration then
    complain(result, parsed, code)
    return code, parsed.command
  end
  if result.code == "SCRIPT_ERROR" and parsed.command ~= "run" then
    -- the administrator's sequence or step, as opposed to our own code
    local text = tostring(result)
    local own = text:find("[/\\]sequences[/\\]") or text:find("[/\\]steps[/\\]")
    code = own and exit_codes.configuration or exit_codes.internal
  elseif parsed.command == "run" then
    code = exit_codes.internal
  end
  complain(result, parsed, code)
  return code, parsed.command
end

---@param arguments string[] with the program's path at 0
---@param program { version: string, lua_root: string, roots: string[] }
---@return integer exit code
function M.run(arguments, program)
  local code, command = run(arguments, program)
  local lost = require("console").lost()
  if lost and lost ~= "" then
    require("cli.output").complain("takeover: standard output cannot be written: " .. lost, true)
  end
  if lost and code == 0 and not tells_by_exit_code[command] then
    return require("core.exit_codes").output
  end
  return code
end

return M
