-- Makes facts true, in order: look, act, look again until it holds or the time is up. The same
-- loop for every step.
local scheduler = require("host.scheduler")
local failure = require("failure")
local observe = require("failover.engine.observe")
local loop = require("loop")
local steps = require("failover.engine.step")

local M = {}

local WITHIN = 60 -- seconds for a step that names none
local LEAST = 1 -- seconds kept for a later step that names none
local POLL_FIRST, POLL_FACTOR, POLL_MOST = 0.02, 1.6, 1 -- seconds between two looks: short first
local SETTLE = 15 -- seconds that a fact gets after its act failed in one of these:
local settles = {
  WMI_METHOD_FAILED = true, WMI_JOB_FAILED = true, WMI_JOB_LOST = true, WMI_FAULT = true,
  WMI_NOT_FOUND = true, HYPERV_STATE = true, HYPERV_IN_USE = true, HYPERV_EXISTS = true,
  HYPERV_DEVICE_GONE = true, HYPERV_VM_NOT_FOUND = true, PNP_FAILED = true, PNP_NOT_FOUND = true,
}
local UNDO_TRIES, UNDO_SEEN_WITHIN = 3, 15

---@class Run
---@field context Context
---@field deadline number when the work must be over
---@field hard_deadline number when undo must be over, too

local Run = {}
Run.__index = Run

local function emit(run, kind, fields)
  if run.listener then
    fields = fields or {}
    fields.kind = kind
    run.listener(fields)
  end
end

local function value_of(field, c, otherwise)
  if type(field) == "function" then
    return field(c)
  end
  return field or otherwise
end

-- One look at a fact, in the running task. Returns "yes", "no" and why not, or "failed" and the
-- failure.
local function look(run, step, until_time)
  local task = scheduler.current()
  local before = task.looking
  task.looking = true
  local ok, holds, reason = scheduler.until_time(until_time, step.holds, run.context)
  task.looking = before
  if not ok then
    return "failed", holds
  end
  if holds then
    return "yes", reason
  end
  return "no", reason
end
M.look = look

-- Seconds that the steps after this one need at the least.
local function reserve_after(run, step)
  local reserve, seen = 0, false
  steps.each(run.sequence.list, function(other)
    if seen then
      reserve = reserve + (other.least or LEAST)
    end
    seen = seen or other == step
  end)
  return reserve
end

local function not_reached(step, reason, within)
  return failure.new({
    code = step.code or "NOT_REACHED",
    message = string.format('"%s" did not become true within %.0f s%s', step.name, within,
      reason and ": " .. tostring(reason) or ""),
  })
end

-- The working state of one step.
local function begin(run, step, branch)
  local now = scheduler.now()
  local within = value_of(step.within, run.context, WITHIN)
  local record = { name = step.name, branch = branch, attempts = 0, began = now }
  run.steps[#run.steps + 1] = record
  record.journal = run.journal:begin_step({ name = step.name, branch = branch })
  scheduler.current().step = record.journal
  emit(run, "step_begin", { step = step.name, branch = branch })
  return record, within, math.min(now + within, run.deadline)
end

local function finish(run, step, record, state, message, failed)
  record.state = state
  record.took = scheduler.now() - record.began
  record.message = message
  record.failure = failed
  run.journal:end_step(record.journal, {
    state = state, attempts = record.attempts, message = message, failure = failed,
  })
  emit(run, "step_end", {
    step = step.name, branch = record.branch, state = state, took = record.took, reason = message,
  })
end

-- Calls act or quick. Returns the failure, or nil; and whether it was put off ("not now").
local function attempt(run, step, record, which, until_time)
  record.attempts = record.attempts + 1
  if step.undo and not record.entered then
    record.entered = true
    run.made[#run.made + 1] = { step = step, record = record }
  end
  local ok, result = scheduler.until_time(until_time, step[which], run.context)
  if not ok then
    return result, false
  end
  return nil, result == false
end

-- Has the graceful way had its time, or is there too little left for it?
local function wants_quick(run, step, acted_at, grace)
  local now = scheduler.now()
  local left = run.deadline - now - reserve_after(run, step)
  if left <= (step.least or LEAST) then
    return string.format("only %.0f s are left", math.max(run.deadline - now, 0))
  end
  if acted_at and now - acted_at >= grace then
    return string.format("it did not become true within its grace of %.0f s", grace)
  end
end

local function uncancelled(failed)
  return failed.code ~= "CANCELLED" and failed.code ~= "SCRIPT_STUCK"
end

-- Sleeps between two looks, never past the limit. Returns the next interval.
local function pause(until_time, interval)
  scheduler.sleep(math.min(interval, math.max(until_time - scheduler.now(), 0)))
  return math.min(interval * POLL_FACTOR, POLL_MOST)
end

-- Look, act, look again. Returns nil, or the failure, and whether nothing else is wrong than that
-- it could not be told.
local function pursue(run, step, record, within, until_time)
  local c, branch = run.context, record.branch
  local retry = step.retry or { times = 0, backoff = 1 }
  local grace = step.quick and value_of(step.grace, c, within / 2)
  local interval, retries = POLL_FIRST, 0
  local acted_at, quick_done, reason, pending
  local looks, seen, denied = 0, "no", false
  while true do
    looks = looks + 1
    local answer, why = look(run, step, until_time)
    denied = denied or answer == "no"
    if answer == "failed" and why.code == "DEADLINE" and scheduler.now() >= until_time then
      answer, why = seen, reason -- the look came too late and says nothing: the one before counts
    end
    seen = answer
    if answer == "yes" then
      finish(run, step, record, looks == 1 and "already" or "done", why)
      return nil
    end
    if answer == "failed" and why.code == "DEADLINE" and scheduler.now() >= until_time then
      answer, why = "no", reason -- the last look came too late; what was seen before says more
    end
    if answer == "failed" and not (why.transient and uncancelled(why)) then
      return why
    end
    if tostring(why) ~= tostring(reason) then
      reason = why
      emit(run, "step_wait", { step = step.name, branch = branch, reason = tostring(why or "") })
    end
    local now = scheduler.now()
    if now >= until_time then
      local failed = pending or (now >= run.deadline and failure.new({
        code = "DEADLINE",
        message = string.format('the time of the whole run was used up at "%s"%s', step.name,
          reason and ": " .. tostring(reason) or ""),
      })) or (answer == "failed" and why) or not_reached(step, reason, within)
      return failed, not pending and not denied
    end
    local which
    if step.quick and not quick_done and answer == "no" then
      local because = wants_quick(run, step, acted_at, grace)
      if because then
        which, quick_done = "quick", true
        c:note(string.format('"%s": taking the quick way, because %s', step.name, because))
      end
    end
    if not which and step.act and not acted_at and answer == "no" then
      which = "act"
    end
    if which then
      local failed, put_off = attempt(run, step, record, which, until_time)
      acted_at = not put_off and (acted_at or scheduler.now()) or nil
      pending = failed
      interval = put_off and interval or POLL_FIRST
      if put_off then
        interval = pause(until_time, interval)
      elseif failed then
        local again = failed.transient and retries < retry.times and uncancelled(failed)
        if again then
          retries = retries + 1
          acted_at = nil
          emit(run, "step_wait", { step = step.name, branch = branch, reason = tostring(failed) })
          scheduler.sleep(math.min(retry.backoff * 2 ^ (retries - 1),
            math.max(until_time - scheduler.now(), 0)))
        elseif failed.maybe_executed and uncancelled(failed) then
          c:note(string.format('"%s": %s; looking whether it happened', step.name,
            tostring(failed)))
        elseif step.quick and not quick_done and uncancelled(failed) then
          acted_at = -math.huge -- the grace is over
        elseif settles[failed.code] then -- an earlier run's job may be making it true just now
          until_time = math.min(until_time, scheduler.now() + SETTLE)
        else
          return failed
        end
      end
    else
      interval = pause(until_time, interval)
    end
  end
end

-- From here on nothing that was made so far is taken back.
local function commit(run, step)
  run.kept = #run.made
  run.committed = step.name
end

-- Makes one fact true. Returns as `pursue` does.
local function make(run, step, branch)
  if step.when and not step.when(run.context) then
    return nil
  end
  local record, within, until_time = begin(run, step, branch)
  local ok, failed, unknown = loop.guard(pursue, run, step, record, within, until_time)
  if failed and failed.code == "CANCELLED" then
    finish(run, step, record, "stopped", tostring(failed.message), failed)
  elseif failed then
    finish(run, step, record, "failed", tostring(failed), failed)
  elseif not ok then
    failed = failure.new({ code = "INTERNAL", message = "the step ended without a result" })
  elseif value_of(step.commits, run.context, false) then
    commit(run, step)
  end
  return failed, unknown
end

local make_list

-- Branches side by side. The first failure stops the others at their next wait.
local function make_group(run, group, branch)
  local tasks = {}
  for i, list in ipairs(group.branches) do
    local name = (branch and branch .. "." or "") .. i
    tasks[i] = scheduler.spawn(function()
      return make_list(run, list, name)
    end)
    observe.begin_branch(tasks[i], name, run.context.observer.recording)
  end
  local first
  local waiting = table.pack(table.unpack(tasks))
  local ok, raised = loop.guard(function()
    while #waiting > 0 do
      local ended = scheduler.join_any(waiting)
      for i, task in ipairs(waiting) do
        if task == ended then
          table.remove(waiting, i)
        end
      end
      local _, failed = scheduler.join(ended)
      if failed and not first then
        first = failed
        for _, task in ipairs(waiting) do
          scheduler.cancel(task, failure.new({ code = "CANCELLED",
            message = "another branch failed" }))
        end
      end
    end
  end)
  if not ok then -- we were cancelled ourselves: so are the branches, and their ends are waited for
    for _, task in ipairs(waiting) do
      scheduler.cancel(task, raised)
    end
    scheduler.shielded(function()
      for _, task in ipairs(waiting) do
        scheduler.join(task)
      end
    end)
    return raised
  end
  return first
end

function make_list(run, list, branch)
  for _, item in ipairs(list) do
    local failed
    if steps.is_group(item) then
      failed = make_group(run, item, branch)
    else
      local ok, result, unknown = loop.guard(make, run, item, branch)
      failed = result
      if not ok and not failed then
        failed = failure.new({ code = "INTERNAL", message = "the step ended without a result" })
      end
      local may_be_left = item.optional == true or item.optional == "unknown" and unknown
      if failed and may_be_left and uncancelled(failed) then
        run.warnings[#run.warnings + 1] = string.format('"%s": %s', item.name, tostring(failed))
        run.context:note(string.format('warning: "%s" was left: %s', item.name, tostring(failed)))
        failed = nil
      end
    end
    if failed then
      return failed
    end
  end
end

-- Takes back one step and sees that it is taken back.
local function undo_one(run, entry)
  local step, c = entry.step, run.context
  local failed
  for try = 1, UNDO_TRIES do
    local ok, why = scheduler.until_time(run.hard_deadline, step.undo, c)
    failed = not ok and why or nil
    local left = run.hard_deadline - scheduler.now()
    if not failed or not failed.transient or left <= 0 or try == UNDO_TRIES then
      break
    end
    scheduler.sleep(math.min(try * 0.5, left))
  end
  if failed then
    return failed
  end
  local until_time = math.min(scheduler.now() + UNDO_SEEN_WITHIN, run.hard_deadline)
  local interval = POLL_FIRST
  while true do
    local answer, why = look(run, step, until_time)
    if answer == "no" then
      return nil
    end
    if scheduler.now() >= until_time then
      return answer == "failed" and why
        or failure.new({ code = "NOT_REACHED",
          message = string.format('"%s" still holds after its undo', step.name) })
    end
    if answer == "failed" and not why.transient then
      return nil -- the fact cannot even be asked any more, so it does not hold
    end
    interval = pause(until_time, interval)
  end
end

-- Takes back what this run made since its point of no return, newest first. Returns whether that
-- was everything.
local function undo_all(run)
  local clean = not run.committed
  if run.committed then
    run.context:note(string.format('past the point of no return ("%s"): left as it is',
      run.committed))
  end
  for i = #run.made, run.kept + 1, -1 do
    local entry = run.made[i]
    local began = scheduler.now()
    emit(run, "undo_begin", { step = entry.step.name, branch = entry.record.branch })
    local journal_step = run.journal:begin_step({ name = "undo: " .. entry.step.name,
      branch = entry.record.branch })
    scheduler.current().step = journal_step
    local ok, failed = scheduler.shielded(undo_one, run, entry)
    if not ok then
      failed = failed or failure.new({ code = "INTERNAL", message = "undo did not end" })
    end
    local state = failed and "failed" or "undone"
    clean = clean and not failed
    run.undo[#run.undo + 1] = {
      name = entry.step.name, state = state, took = scheduler.now() - began, message = failed
        and tostring(failed),
    }
    run.journal:end_step(journal_step, { state = state, message = failed and tostring(failed),
      failure = failed })
    emit(run, "undo_end", {
      step = entry.step.name, state = state, took = scheduler.now() - began, reason = failed
        and tostring(failed),
    })
  end
  return clean
end

local refusals = { REFUSED = true, NO_EVIDENCE = true }

local function state_of(failed)
  if not failed then
    return "succeeded"
  end
  if failed.code == "CANCELLED" then
    return "cancelled"
  end
  return refusals[failed.code] and "refused" or "failed"
end

-- Runs a sequence; see failover.engine for the interface.
function M.run(options)
  local c = options.context
  local task, now = scheduler.current(), options.began or scheduler.now()
  local deadline = now + (options.deadline or 1770)
  local undo_share = math.min((options.deadline or 1770) * 0.2, 120)
  local run = setmetatable({
    context = c, sequence = options.sequence, listener = options.listener, journal = c.journal,
    deadline = deadline - undo_share, hard_deadline = deadline,
    steps = {}, made = {}, kept = 0, undo = {}, warnings = {},
  }, Run)
  c.listener = options.listener
  observe.begin_branch(task, nil, c.observer.recording)
  emit(run, "run_begin", { command = options.command })
  if options.remark then
    c:note(options.remark)
  end
  scheduler.set_deadline(deadline)
  local ok, failed = loop.guard(make_list, run, run.sequence.list)
  if not ok and not failed then
    failed = failure.new({ code = "INTERNAL", message = "the run ended without a result" })
  end
  local undone
  if failed and task.cancelled_at and c.observer.recording then
    c.journal:note("told to end: " .. task.cancelled.message, { cancelled = task.cancelled_at })
  end
  if failed then
    local changes = c.observer.changes
    undone = undo_all(run)
    if changes == 0 then
      undone = nil
    end
  end
  scheduler.set_deadline(nil)
  observe.begin_branch(task, nil, false)
  local result = {
    state = state_of(failed), failure = failed, undone = undone, steps = run.steps, undo = run.undo,
    committed = failed and run.committed, warnings = run.warnings, changes = c.observer.changes,
    took = scheduler.now() - now,
  }
  emit(run, "run_end", { result = result })
  return result
end

-- Asks every fact, in order; changes nothing. fn(step, branch, answer, why).
function M.ask(options, fn)
  local run = { context = options.context, sequence = options.sequence }
  local until_time = scheduler.now() + (options.deadline or 60)
  steps.each(options.sequence.list, function(step, branch)
    local c = options.context
    local ok, applies = true, true
    if step.when then
      ok, applies = loop.guard(step.when, c)
    end
    if not ok then
      fn(step, branch, "failed", applies)
    elseif applies then
      fn(step, branch, look(run, step, until_time))
    end
  end)
end

return M
