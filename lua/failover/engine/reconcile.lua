-- The loop that every step goes through: look, act, look again, until the fact holds or the time
-- is up. What it decides in between: to try again after a passing failure, to take the quick way,
-- to wait for what may have happened anyway.
--
-- Patience is counted in time, not in tries. `within` is what the fact gets to show itself after
-- the last thing that was done for it. An act may take, and faults that pass may go on, until what
-- the run has left is what the steps after this one need.
local scheduler = require("core.scheduler")
local failure = require("failure")
local loop = require("loop")
local recorder = require("failover.engine.recorder")
local steps = require("failover.engine.step")

local M = {}

local WITHIN = 60 -- seconds for a step that names none
local LEAST = 1 -- seconds kept for a later step that names none
-- Between two looks at a fact: a share of the time that it was waited for already, so that what
-- takes long is seen as much later as it is asked less often. Seconds, at the least and most.
local POLL_SHARE, POLL_LEAST, POLL_MOST = 0.05, 0.1, 2
local BACKOFF, BACKOFF_MOST = 0.5, 15 -- seconds between two tries: doubled each time
local SETTLE = 15 -- seconds of looking before what may have happened is done again, or after a
-- failure whose code `settles`
local LASTS = 0.1 -- of what the run has left: what one call of act may take
local BLIND = 300 -- seconds for one who answers and does not see: his service may be starting, but
-- an account without rights never will
local LONG = 30 -- seconds of passing faults after which the log is told

local MORE_TIME = "give it more time (--timeout, or the script timeout in EXPRESSCLUSTER)"

-- A field of a step that may be a function of the context, and of the seconds that the run has left
-- for the step.
function M.value_of(field, c, otherwise, left)
  if type(field) == "function" then
    return field(c, left)
  end
  return field or otherwise
end

-- Must a failure stop everything, whatever a step would like?
function M.uncancelled(failed)
  return failed.code ~= "CANCELLED" and failed.code ~= "SCRIPT_STUCK"
end

-- One look at a fact, in the running task. Returns "yes", "no" and why not, or "failed" and the
-- failure; of a "no" also whether the step says that it cannot tell (holds gave nil). again: after
-- a wait, so that nothing of an earlier look counts.
function M.look(run, step, until_time, again)
  local task = scheduler.current()
  if again then
    recorder.forget(run.context.observer)
  end
  local before = task.looking
  task.looking = true
  local ok, holds, reason = scheduler.until_time(until_time, step.holds, run.context)
  task.looking = before
  if not ok then
    return "failed", holds
  end
  return holds and "yes" or "no", reason, holds == nil
end

-- Sleeps between two looks at what is waited for since `since`, never past the limit.
function M.pause(until_time, since)
  local now = scheduler.now()
  local interval = math.min(math.max((now - since) * POLL_SHARE, POLL_LEAST), POLL_MOST)
  scheduler.sleep(math.min(interval, math.max(until_time - now, 0)))
end

local reserves = setmetatable({}, { __mode = "k" }) -- by sequence: seconds by step

-- Seconds that the steps after this one need at the least.
local function reserve_after(run, step)
  local known = reserves[run.sequence]
  if not known then
    known = {}
    local total = 0
    steps.each(run.sequence.list, function(other)
      total = total + (other.least or LEAST)
      known[other] = known[other] or total
    end)
    for other, until_here in pairs(known) do
      known[other] = total - until_here
    end
    reserves[run.sequence] = known
  end
  return known[step] or 0
end

-- What a step may take: its `within`, when that is over, and until when it may be pursued at all.
---@return number within, number until_time, number limit
function M.times(run, step)
  local now = scheduler.now()
  local least = math.min(now + (step.least or LEAST), run.deadline)
  local limit = math.max(run.deadline - reserve_after(run, step), least)
  local within = M.value_of(step.within, run.context, WITHIN, limit - now)
  return within, within == math.huge and limit or math.min(now + within, run.deadline), limit
end

---@class Pursuit one step on its way
---@field act_at number when act may be called; math.huge: it has been, and its effect is waited for
---@field quick_at number? when the quick way may be taken again; nil: it has not been taken
---@field grace_end number? until when act has its time; nil: it has not been tried
---@field unwilling table? the failure by which act was refused for good: the grace is over
---@field since number when the present wait began
---@field pending table? failure of the last act, should the fact never hold
---@field reason any what the last look said
---@field denied boolean a look has said "no"
local Pursuit = {}
Pursuit.__index = Pursuit

function Pursuit:wait_because(reason)
  if self.run.listener then
    self.run:emit("step_wait", {
      step = self.step.name, branch = self.record.branch, reason = tostring(reason or ""),
    })
  end
end

function Pursuit:note(format, ...)
  self.run.context:note(string.format(format, ...))
end

-- What a look has said. One that came too late says nothing: then the one before counts.
function Pursuit:weigh(answer, why)
  self.looks = self.looks + 1
  if answer == "no" then
    self.denied, self.eem_since = true, nil
  end
  local late = answer == "failed" and failure.codes[why.code].cut_short
    and scheduler.now() >= self.until_time
  if late and (self.looks > 1 or why.code == "DEADLINE") then
    answer, why = self.seen, self.reason
  end
  self.seen = answer
  return answer, why
end

-- What people do when this fact does not become true; nil where only its code says something.
local function remedy_of(c, step)
  local ok, remedy = loop.guard(M.value_of, step.remedy, c)
  if not ok or not remedy then
    return nil
  end
  local name = c.vm and c.vm.name or c.vm_name
  return (remedy:gsub("{(%l+)}", { vm = c.vm_name, name = name, node = c.node }))
end

function Pursuit:out_of_time(answer, why)
  if self.pending then
    return self.pending
  end
  local reason, remedy = why and ": " .. tostring(why) or "", remedy_of(self.run.context, self.step)
  local open = self.within == math.huge and answer ~= "failed" -- only the run's time ends it
  if scheduler.now() >= (open and self.limit or self.run.deadline) then
    return failure.new({
      code = "DEADLINE", hint = remedy and MORE_TIME .. "; else " .. remedy,
      message = string.format('the time of the whole run was used up at "%s"%s', self.step.name,
        reason),
    })
  elseif answer == "failed" then
    return why
  end
  return failure.new({
    code = self.step.code or "NOT_REACHED", hint = remedy,
    message = string.format('"%s" did not become true within %.0f s%s', self.step.name,
      (self.failing_since or self.within == math.huge) and scheduler.now() - self.began
      or self.within, reason),
  })
end

-- A yes without effect: asked once more; then it is an answer, or somebody else's change.
local answered = { EEM_NOT_APPLIED = true }
local blind = { EEM_EMPTY = true, WMI_EMPTY = true }

-- A fault that passes: the fact gets its time anew, as long as the run has any, or `eem.wait` for
-- ExpEther Manager. An optional step is not worth more than its own time.
function Pursuit:bear(failed)
  local now, limit = scheduler.now(), self.limit
  if self.step.optional or answered[failed.code] then
    return
  elseif failed.source == "eem" then
    self.eem_since = self.eem_since or now
    limit = math.min(limit, self.eem_since + (self.run.eem_wait or math.huge))
  end
  self.failing_since = self.failing_since or now
  if blind[failed.code] then
    limit = math.min(limit, self.failing_since + BLIND)
  end
  self:extend(limit, SETTLE + BACKOFF_MOST) -- else a short step would end in a pause
  self.patience = limit - now
  if not self.told and now - self.failing_since >= LONG and limit > now then
    self.told = true
    self:note('"%s": %s; asked again for up to %.0f s more', self.step.name, tostring(failed),
      limit - now)
  end
end

-- The fact gets its time from now on, `least` seconds of it, at most until `limit`.
function Pursuit:extend(limit, least)
  local seconds = math.max(self.within, least or 0)
  self.until_time = math.max(self.until_time, math.min(scheduler.now() + seconds, limit))
end

-- Has the graceful way had its time, or is there too little left for it? Says why.
function Pursuit:wants_quick()
  local now = scheduler.now()
  if self.limit - now <= (self.step.least or LEAST) then
    return string.format("only %.0f s are left", math.max(self.run.deadline - now, 0))
  elseif self.unwilling then
    return "it cannot be asked for: " .. tostring(self.unwilling)
  elseif self.grace_end and now >= self.grace_end then
    return self.pending
      and string.format("it could not be asked for within its grace of %.0f s: %s", self.grace,
        tostring(self.pending))
      or string.format("it did not become true within its grace of %.0f s", self.grace)
  end
end

-- What to do about a fact that does not hold: "act", "quick", or nil to wait. The quick way is
-- taken again and again.
function Pursuit:choose()
  local step, now = self.step, scheduler.now()
  if self.quick_at then
    return now >= self.quick_at and "quick" or nil
  end
  local because = step.quick and self:wants_quick()
  if because then
    self.tries = 0
    self:note('"%s": taking the quick way, because %s', step.name, because)
    return "quick"
  elseif step.act and now >= self.act_at then
    return "act"
  end
end

-- When it is done again: `time`. Of act, or of the quick way once that is taken.
function Pursuit:again_at(which, time)
  if which == "quick" then
    self.quick_at = time
  else
    self.act_at = time
  end
end

-- After a fault that passes: a while later, once more.
function Pursuit:back_off(which, failed)
  local first = (self.step.retry or {}).backoff or BACKOFF
  local seconds = math.min(first * 2.0 ^ self.tries, math.max(BACKOFF_MOST, first))
  self.tries = self.tries + 1
  self:wait_because(failed)
  self:again_at(which, scheduler.now() + seconds)
  local most = which == "act" and self.grace_end or math.huge
  scheduler.sleep(math.max(math.min(seconds, self.until_time - scheduler.now(),
    most - scheduler.now()), 0))
end

-- Act or quick has failed. Returns the failure when it is the end of the step.
function Pursuit:after_failure(which, failed)
  local code = failure.codes[failed.code]
  if not M.uncancelled(failed) or answered[failed.code] and self.answered then
    return failed
  elseif failed.transient then
    self:bear(failed)
  end
  self.answered = answered[failed.code]
  if failed.maybe_executed then -- looked at first, and for a while: it may be on its way
    self:note('"%s": %s; looking whether it happened', self.step.name, tostring(failed))
    local again = failed.transient or which == "quick"
    self:again_at(which, again and scheduler.now() + SETTLE or math.huge)
  elseif failed.transient then
    self:back_off(which, failed)
  elseif which == "quick" and code.settles then
    self.quick_at = scheduler.now() + SETTLE
  elseif which == "act" and self.step.quick then
    self.unwilling = failed
  elseif code.settles then -- an earlier run's job may be making it true
    self.until_time = math.min(self.until_time, scheduler.now() + SETTLE)
    self.act_at = math.huge
  else
    return failed
  end
end

-- Until when a call of act or quick may take: as long as it `lasts`. An optional step has no more
-- than its own time, and the quick way needs some, too.
function Pursuit:time_of(which)
  local step, now = self.step, scheduler.now()
  if step.optional then
    return self.until_time
  end
  local left = math.max(self.limit - now, 0)
  local lasts = M.value_of(step.lasts, self.run.context, left * LASTS, left)
  local time = math.max(self.until_time, math.min(now + lasts, self.limit))
  if which == "act" and step.quick then
    time = math.min(self.grace_end, self.limit - (step.least or LEAST), time)
  end
  return time
end

-- Calls act or quick. Returns the failure when it is the end of the step.
function Pursuit:try(which)
  local run, step, record = self.run, self.step, self.record
  record.attempts = record.attempts + 1
  if step.undo and not record.entered then -- before the call: it may take effect and be killed
    record.entered = true
    run.made[#run.made + 1] = { step = step, record = record }
  end
  if step.quick then
    self.grace_end = self.grace_end or scheduler.now() + self.grace
  end
  local task = scheduler.current()
  task.acting = true
  local ok, result = scheduler.until_time(self:time_of(which), step[which], run.context)
  task.acting = nil
  if ok and result == false then -- "not now": asked again at the next look
    self.pending, record.attempts = nil, record.attempts - 1
    self:again_at(which, scheduler.now())
    M.pause(self.until_time, self.since)
    return nil
  end
  self.since = scheduler.now()
  self.pending = not ok and result or nil
  if not ok then
    return self:after_failure(which, result)
  end
  self.tries = 0
  self:again_at(which, which == "quick" and scheduler.now() + SETTLE or math.huge)
  if which == "act" and step.quick then
    self.grace_end = scheduler.now() + self.grace
  end
  if not step.optional then
    self:extend(self.limit)
  end
end

-- One more look, and what it says. Returns as M.look.
function Pursuit:look()
  local answer, why = self:weigh(M.look(self.run, self.step, self.until_time, true))
  if answer == "failed" and why.transient and M.uncancelled(why) then
    self:bear(why)
  end
  return answer, why
end

-- Says what is waited for, where that is something new.
function Pursuit:say(answer, why)
  if why ~= self.reason and tostring(why) ~= tostring(self.reason) then
    self.reason = why
    local patient = answer == "failed" and self.patience
    self:wait_because(patient and ("%s; asked again for up to %.0f s"):format(tostring(why),
      patient) or why)
  end
end

-- Makes the fact of one step true. `record` is the step's entry in the run's list; the times are
-- those of M.times. Returns nil and whether it held at the first look; or the failure, and whether
-- nothing else is wrong than that it could not be told.
function M.pursue(run, step, record, within, until_time, limit)
  local answer, why = M.look(run, step, until_time)
  if answer == "yes" then -- as most facts do
    return nil, true, why
  end
  local self = setmetatable({
    run = run, step = step, record = record, within = within, until_time = until_time,
    limit = limit, began = scheduler.now(), act_at = 0, tries = 0,
    grace = step.quick and M.value_of(step.grace, run.context,
      math.min(within, limit - scheduler.now()) / 2),
    since = scheduler.now(), looks = 0, seen = "no", denied = false,
  }, Pursuit)
  answer, why = self:weigh(answer, why)
  if answer == "failed" and why.transient and M.uncancelled(why) then
    self:bear(why)
  end
  while answer ~= "yes" do
    if answer == "failed" and not (why.transient and M.uncancelled(why)) then
      return why, false
    end
    self:say(answer, why)
    if scheduler.now() >= self.until_time then
      return self:out_of_time(answer, why), not self.pending and not self.denied
    end
    local which = answer == "no" and self:choose()
    if which then
      local failed = self:try(which)
      if failed then
        return failed, false
      end
    else
      M.pause(self.until_time, self.since)
    end
    answer, why = self:look()
  end
  return nil, false, why
end

return M
