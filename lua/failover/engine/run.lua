-- Makes facts true, in order: look, act, look again until it holds or the time is up. The same
-- loop for every step.
local scheduler = require("core.scheduler")
local failure = require("failure")
local recorder = require("failover.engine.recorder")
local loop = require("loop")
local pursuit = require("failover.engine.reconcile")
local steps = require("failover.engine.step")

local M = {}

local UNDO_SEEN_WITHIN = 15 -- seconds
local UNDO_BACKOFF, UNDO_BACKOFF_MOST = 0.5, 8 -- seconds between two tries

---@class Run
---@field context Context
---@field deadline number when the work must be over
---@field hard_deadline number when undo must be over, too

local Run = {}
Run.__index = Run

-- Tells the listener; callers on the way of every step ask for it first.
function Run:emit(kind, fields)
  if self.listener then
    fields = fields or {}
    fields.kind = kind
    self.listener(fields)
  end
end

-- The working state of one step.
local function begin(run, step, branch)
  local record = {
    name = step.name, branch = branch, attempts = 0, began = scheduler.now(),
    before = scheduler.current().changes or 0,
  }
  run.steps[#run.steps + 1] = record
  record.journal = run.journal:begin_step({ name = step.name, branch = branch })
  scheduler.current().step = record.journal
  if run.listener then
    run:emit("step_begin", { step = step.name, branch = branch })
  end
  return record
end

local function finish(run, step, record, state, message, failed)
  record.state = state
  record.took = scheduler.now() - record.began
  record.message = message
  record.failure = failed
  if (scheduler.current().changes or 0) > record.before then
    run.touched[#run.touched + 1] = step
  end
  run.journal:end_step(record.journal, {
    state = state, attempts = record.attempts, message = message, failure = failed,
  })
  if run.listener then
    run:emit("step_end", {
      step = step.name, branch = record.branch, state = state, took = record.took,
      reason = message,
    })
  end
end

-- From here on nothing that was made so far is taken back.
local function commit(run, step)
  run.kept = #run.made
  run.committed = step.name
end

-- What a step learns from its end is never a reason to fail.
local function tell_end(run, step, record, failed)
  local took = scheduler.now() - record.began
  local ok, problem = loop.guard(step.ended, run.context, failed, took)
  if not ok then
    run.warnings[#run.warnings + 1] = string.format('"%s": %s', step.name, tostring(problem))
  end
end

-- Makes one fact true. Returns nil, or the failure, and whether nothing else is wrong than that it
-- could not be told.
local function make(run, step, branch)
  if step.when and not step.when(run.context) then
    return nil
  end
  local record = begin(run, step, branch)
  local ok, failed, unknown, remark = loop.guard(pursuit.pursue, run, step, record,
    pursuit.times(run, step))
  if failed and failed.code == "CANCELLED" then
    finish(run, step, record, "stopped", tostring(failed.message), failed)
  elseif failed then
    finish(run, step, record, "failed", tostring(failed), failed)
  elseif not ok then
    failed = failure.new({ code = "INTERNAL", message = "the step ended without a result" })
  else
    finish(run, step, record, unknown and "already" or "done", remark)
  end
  if not failed and pursuit.value_of(step.commits, run.context, false) then
    commit(run, step)
  end
  if step.ended and not (failed and unknown) then
    tell_end(run, step, record, failed)
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
    recorder.begin_branch(tasks[i], name, run.context.observer.recording)
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
    scheduler.wait_out(waiting)
    return raised
  end
  return first
end

-- Something was left as it is. It is said in the end; one cause is said once.
local function warn(run, name, cause)
  run.journal:note(string.format('warning: "%s" was left: %s', name, cause))
  local known = run.causes[cause] or { at = #run.warnings + 1, names = {} }
  run.causes[cause] = known
  table.insert(known.names, string.format('"%s"', name))
  run.warnings[known.at] = table.concat(known.names, ", ") .. ": " .. cause
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
      if failed and may_be_left and pursuit.uncancelled(failed) then
        warn(run, item.name, tostring(failed))
        failed = nil
      end
    end
    if failed then
      return failed
    end
  end
end

-- Looks until the fact of a step does not hold any more. Gives the failure where it does.
local function see_undone(run, step)
  local until_time = math.min(scheduler.now() + UNDO_SEEN_WITHIN, run.hard_deadline)
  local since = scheduler.now()
  while true do
    local answer, why = pursuit.look(run, step, until_time, true)
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
    pursuit.pause(until_time, since)
  end
end

-- Takes back one step and sees that it is taken back; again after faults that pass, until
-- `patience` is over: an undo looks itself whether there is anything left to take back.
local function undo_one(run, entry, patience)
  local step, pause = entry.step, UNDO_BACKOFF
  while true do
    local ok, failed = scheduler.until_time(run.hard_deadline, step.undo, run.context)
    if ok then
      return see_undone(run, step)
    elseif not failed.transient or scheduler.now() + pause >= patience then
      return failed
    end
    scheduler.sleep(pause)
    pause = math.min(pause * 2, UNDO_BACKOFF_MOST)
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
  local over = math.min(scheduler.now() + run.undo_share, run.hard_deadline)
  for i = #run.made, run.kept + 1, -1 do
    local entry = run.made[i]
    local began = scheduler.now()
    local patience = began + (over - began) / (i - run.kept) -- each its part of what is left
    run:emit("undo_begin", { step = entry.step.name, branch = entry.record.branch })
    local journal_step = run.journal:begin_step({ name = "undo: " .. entry.step.name,
      branch = entry.record.branch })
    scheduler.current().step = journal_step
    local ok, failed = scheduler.shielded(undo_one, run, entry, patience)
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
    run:emit("undo_end", {
      step = entry.step.name, state = state, took = scheduler.now() - began, reason = failed
        and tostring(failed),
    })
  end
  return clean
end

-- What stays of all that this run changed, in the words of the steps that did it. A step that says
-- nothing and has no undo is named.
local function kept_by(run)
  local kept = {}
  for _, step in ipairs(run.committed and {} or run.touched) do
    local says = step.keeps
    if type(says) == "function" then
      local ok, text = loop.guard(says, run.context)
      says = nil
      if ok then
        says = text or false
      end
    end
    if says or says == nil and not step.undo then
      kept[#kept + 1] = { step = step.name, text = says }
      run.journal:note("kept: " .. (says or step.name))
    end
  end
  return kept
end

local function state_of(failed)
  if not failed then
    return "succeeded"
  end
  if failed.code == "CANCELLED" then
    return "cancelled"
  end
  return failure.codes[failed.code].refusal and "refused" or "failed"
end

-- Runs a sequence; see failover.engine for the interface.
function M.run(options)
  local c = options.context
  local task, now = scheduler.current(), options.began or scheduler.now()
  local deadline = now + (options.deadline or 1770)
  local undo_share = math.min((options.deadline or 1770) * 0.2, 120)
  local run = setmetatable({
    context = c, sequence = options.sequence, listener = options.listener, journal = c.journal,
    deadline = deadline - undo_share, hard_deadline = deadline, undo_share = undo_share,
    eem_wait = c.parameters and c.parameters.eem and c.parameters.eem.wait,
    steps = {}, made = {}, touched = {}, causes = {}, kept = 0, undo = {}, warnings = {},
  }, Run)
  c.listener = options.listener
  recorder.begin_branch(task, nil, c.observer.recording)
  run:emit("run_begin", { command = options.command })
  if options.remark then
    c:note(options.remark)
  end
  scheduler.set_deadline(deadline)
  local ok, failed = loop.guard(make_list, run, run.sequence.list)
  if not ok and not failed then
    failed = failure.new({ code = "INTERNAL", message = "the run ended without a result" })
  end
  local undone, kept
  if failed and task.cancelled_at and c.observer.recording then
    c.journal:note("told to end: " .. task.cancelled.message, { cancelled = task.cancelled_at })
  end
  if failed then
    local changes = c.observer.changes
    undone = undo_all(run)
    if changes == 0 then
      undone = nil
    else
      kept = kept_by(run)
    end
  end
  scheduler.set_deadline(nil)
  recorder.begin_branch(task, nil, false)
  local result = {
    state = state_of(failed), failure = failed, undone = undone, steps = run.steps, undo = run.undo,
    committed = failed and run.committed, kept = kept, warnings = run.warnings,
    changes = c.observer.changes, took = scheduler.now() - now,
  }
  run:emit("run_end", { result = result })
  return result
end

-- Asks every fact, in order, within `deadline` seconds or until `until_time`; changes nothing.
-- fn(step, branch, answer, why, untold).
function M.ask(options, fn)
  local run = { context = options.context, sequence = options.sequence }
  local until_time = options.until_time or scheduler.now() + (options.deadline or 60)
  steps.each(options.sequence.list, function(step, branch)
    local c = options.context
    local ok, applies = true, true
    if step.when then
      ok, applies = scheduler.until_time(until_time, step.when, c)
    end
    if not ok then
      fn(step, branch, "failed", applies)
    elseif applies then
      fn(step, branch, pursuit.look(run, step, until_time))
    end
  end)
end

return M
