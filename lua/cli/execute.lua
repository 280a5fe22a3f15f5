-- Runs a sequence as a command (start, stop, prepare, recover): lock, journal, deadline, steps as
-- they finish, what came of it in one sentence, ECX's log, exit code.
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local loop = require("loop")
local output = require("cli.output")
local session = require("cli.session")
local verdict = require("failover.engine.verdict")

local M = {}

local NAME_COLUMNS = 48
local MESSAGE_MAX = 400 -- characters of a line in ECX's log

local colours = {
  done = "green", already = "dim", failed = "red", undone = "yellow", skipped = "dim",
  stopped = "dim", warning = "yellow",
}

local function step_line(state, name, took, reason)
  local line = "  " .. output.paint(output.pad(state, 8), colours[state])
    .. output.pad(name, NAME_COLUMNS) .. "  " .. output.duration(took or 0)
  if reason and reason ~= "" then
    line = line .. output.paint("   " .. reason, "dim")
  end
  output.line("%s", line)
end

-- Which steps are under way, for the progress line: branches run side by side.
local function show_active(active, reason)
  local names = {}
  for _, name in ipairs(active) do
    names[#names + 1] = name
  end
  output.progress(#names > 0 and table.concat(names, " + ") or nil, reason)
end

local function remove(list, name)
  for i, entry in ipairs(list) do
    if entry == name then
      table.remove(list, i)
      return
    end
  end
end

-- The reason of a failure comes at the end, in one sentence; a branch that was stopped because of
-- another one's failure did not fail itself.
local function say_step(event)
  local state, reason = event.state, event.reason
  if state == "failed" then
    state = (reason or ""):find("^CANCELLED") and "stopped" or state
    reason = nil
  end
  step_line(state, event.step, event.took, state == "already" and reason or nil)
end

-- A listener for the engine's events: lines for people, log lines for files.
---@param notes string[] takes the remarks
---@return fun(event: table)
local function presenter(notes)
  local log = require("log")
  local active, undoing = {}, false
  return function(event)
    if event.kind == "step_begin" then
      active[#active + 1] = event.step
      show_active(active)
    elseif event.kind == "step_wait" then
      show_active(active, event.reason)
      log.debug("waiting", { step = event.step, reason = event.reason })
    elseif event.kind == "step_end" then
      remove(active, event.step)
      say_step(event)
      show_active(active)
      log.info("step", {
        step = event.step, state = event.state, took = event.took, reason = event.reason,
        branch = event.branch,
      })
    elseif event.kind == "note" then
      notes[#notes + 1] = event.text
      output.line("  %s%s", output.paint(output.pad("note", 8), "blue"), event.text)
      log.info(event.text)
    elseif event.kind == "undo_begin" then
      active = { "taking back: " .. event.step }
      if not undoing then
        undoing = true
        output.line("taking back what this run changed:")
      end
      show_active(active)
    elseif event.kind == "undo_end" then
      active = {}
      step_line(event.state, event.step, event.took, event.reason)
      log.info("undo", {
        step = event.step, state = event.state, took = event.took, reason = event.reason,
      })
    end
  end
end
M.presenter = presenter

local function describe(failed, about)
  return failed and {
    code = failed.code, message = failed.message, hint = verdict.remedy(failed, about),
    target = failed.target, node = failed.node, source = failed.source, where = failed.where,
    http = failed.http, hresult = failed.hresult,
  }
end

---@param options { command: string, vm: string, succeeded: string }
local function say_result(options, result, code)
  output.progress(nil)
  for _, warning in ipairs(result.warnings) do
    output.complain(output.paint("warning: ", "yellow") .. warning)
  end
  if result.state == "succeeded" then
    local changes = result.changes == 0 and "nothing had to be changed"
      or result.changes == 1 and "1 change" or result.changes .. " changes"
    output.conclude("%s", ("%s  (%s, %s%s)"):format(output.paint(options.succeeded, "green")
      .. (result.degraded and output.paint(" DEGRADED, with " .. result.degraded, "yellow") or ""),
      output.duration(result.took), changes, result.run and ", run " .. result.run or ""))
    return
  end
  local head, reason = verdict.what(options, result)
  output.complain(output.paint(head, "red") .. ": " .. reason, true)
  output.complain("  " .. verdict.aftermath(result), true)
  local todo = verdict.todo(options, result)
  if todo then
    output.complain("  What to do: " .. todo, true)
  end
  require("log").debug("exit", { code = code })
end

local function result_document(options, result, code, notes)
  return {
    command = options.command, vm = options.vm, node = options.node, state = result.state,
    exit_code = code, exit_name = exit_codes.name(code), undone = result.undone,
    committed = result.committed, kept = result.kept and require("json").array(result.kept),
    failure = describe(result.failure, options), run = result.run,
    took = result.took, changes = result.changes,
    steps = require("json").array(M.plain_steps(result.steps)),
    undo = require("json").array(M.plain_steps(result.undo)),
    warnings = require("json").array(result.warnings), notes = require("json").array(notes),
  }
end

-- The fields of steps that mean something outside.
function M.plain_steps(steps)
  local plain = {}
  for i, step in ipairs(steps) do
    plain[i] = {
      name = step.name, branch = step.branch, state = step.state, took = step.took,
      attempts = step.attempts, message = step.message,
    }
  end
  return plain
end

-- One line in ECX's own log, when it is ECX that runs us; what failed also in the Event Log of
-- Windows. A failing clplogcmd is no failure of ours.
function M.tell_ecx(environment, level, text)
  if level == "error" then
    require("log").system(text)
  end
  if not environment.under_cluster then
    return
  end
  local scheduler = require("core.scheduler")
  local ok, failed = scheduler.shielded(function()
    local shown = require("log").redact(text):sub(1, MESSAGE_MAX) -- in this order
    return require("ecx").log(level, "takeover: " .. shown)
  end)
  if not ok then
    require("log").warn("clplogcmd failed", { failure = tostring(failed) })
  end
end

local function open_journal(s, optional, warnings)
  local ok, journal = loop.guard(s.journal, s)
  if ok then
    return journal
  elseif optional then
    warnings[#warnings + 1] = journal.message
    return nil
  end
  error(journal, 0)
end

local function take_lock(s, options, warnings)
  local run_lock = require("failover.safety.run_lock")
  local wait, patience = run_lock.times(options.command, options.deadline,
    options.wait)
  local ok, lock, waited = loop.guard(s.lock, s, options.command, options.vm, wait, patience)
  if ok then
    return lock, waited
  elseif options.journal_optional and lock.code == "JOURNAL_FAILED" then
    warnings[#warnings + 1] = lock.message
    return nil
  end
  error(lock, 0)
end

-- Runs a sequence for a virtual machine.
---@class ExecuteOptions
---@field command string
---@field sequence string
---@field vm string
---@field deadline number seconds from now
---@field wait number? seconds to wait for another run of the same virtual machine
---@field journal_optional boolean? a journal that cannot be written is a warning
---@field succeeded string what is true after success, in one sentence
---@param s Session
---@param options ExecuteOptions
---@return integer exit code
function M.run(s, options)
  local warnings, notes = {}, {}
  loop.catch_signals()
  options.node = s:node()
  local sequence = s:sequence(options.sequence)
  local began = loop.now()
  local lock, waited = take_lock(s, options, warnings)
  local journal = open_journal(s, options.journal_optional, warnings)
  local c = s:context(options.vm, { journal = journal })
  output.line("%s", output.paint(("%s %s on %s"):format(options.command, options.vm, options.node),
    "bold"))
  local ok, result = loop.guard(require("failover.engine").run, {
    sequence = sequence, sequence_name = options.sequence, context = c, command = options.command,
    deadline = options.deadline - (loop.now() - began),
    listener = presenter(notes), journal_optional = options.journal_optional, remark = waited,
    exit_code = exit_codes.of_result,
  })
  loop.guard(c.close, c)
  if journal then
    local aside = journal:aside()
    if aside then
      warnings[#warnings + 1] = ("the journal was damaged: it is %s now, and a new one is begun; "
        .. "no decision depends on it"):format(aside)
    end
    loop.guard(journal.close, journal)
  end
  if lock then
    lock:release()
  end
  if not ok then
    output.progress(nil)
    M.tell_ecx(s.ecx, "error", ("%s of %s on %s: %s"):format(options.command, options.vm,
      options.node, tostring(result)))
    error(failure.is(result) and result or tostring(result), 0)
  end
  for _, warning in ipairs(warnings) do
    table.insert(result.warnings, 1, warning)
  end
  local code = exit_codes.of_result(result)
  say_result(options, result, code)
  output.document(result_document(options, result, code, notes))
  M.tell_ecx(s.ecx, result.state == "succeeded" and "info" or "error",
    result.state == "succeeded" and ("%s%s (%.1f s)"):format(options.succeeded,
        result.degraded and " DEGRADED, with " .. result.degraded or "", result.took)
      or verdict.line(options, result, code))
  return code
end

-- Options that several commands have.
function M.define_timeout(command, default)
  command:option("--timeout", "Seconds that the whole run may take (default: " .. default .. ")")
    :argname("S"):convert(tonumber)
end

-- The cluster engine whose word on other nodes counts as evidence (failover.cluster).
function M.define_cluster(command)
  command:option("--cluster", "Who decides when: ecx, pacemaker or none (default: told by the\n"
    .. "environment, else ecx)"):argname("ENGINE"):choices(require("failover.cluster").names)
end

---@param default integer
function M.define_wait(command, default)
  command:option("--wait", ("Seconds to wait for another run of the same VM (default: %d)")
    :format(default)):argname("S"):convert(tonumber):default(tostring(default)):show_default(false)
end

-- The deadline of a run: --timeout, or ECX's script timeout less the margin.
function M.deadline(arguments, vm, timeout)
  return arguments.timeout or timeout - vm.margin
end

M.session = session

return M
