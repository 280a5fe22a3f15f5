-- The loop that every step goes through: look, act, look again, until the fact holds or the time
-- is up. What it decides
-- in between: to try again after a passing failure, to take the quick way, to wait for what may
-- have happened anyway.
local scheduler = require("host.scheduler")
local failure = require("failure")
local loop = require("loop")
local steps = require("failover.engine.step")

local M = {}

local WITHIN = 60 -- seconds for a step that names none
local LEAST = 1 -- seconds kept for a later step that names none
local POLL_FIRST, POLL_FACTOR, POLL_MOST = 0.02, 1.6, 1 -- seconds between two looks: short first
local SETTLE = 15 -- seconds that a fact gets after its act failed with a code that `settles`

local MORE_TIME = "give it more time (--timeout, or the script timeout in EXPRESSCLUSTER)"

-- A field of a step that may be a function of the context.
function M.value_of(field, c, otherwise)
  if type(field) == "function" then
    return field(c)
  end
  return field or otherwise
end

-- Must a failure stop everything, whatever a step would like?
function M.uncancelled(failed)
  return failed.code ~= "CANCELLED" and failed.code ~= "SCRIPT_STUCK"
end

-- One look at a fact, in the running task. Returns "yes", "no" and why not, or "failed" and the
-- failure; of a "no" also whether the step says that it cannot tell (holds gave nil).
function M.look(run, step, until_time)
  local task = scheduler.current()
  local before = task.looking
  task.looking = true
  local ok, holds, reason = scheduler.until_time(until_time, step.holds, run.context)
  task.looking = before
  if not ok then
    return "failed", holds
  end
  return holds and "yes" or "no", reason, holds == nil
end

-- Sleeps between two looks, never past the limit. Returns the next interval.
function M.pause(until_time, interval)
  interval = interval or POLL_FIRST
  scheduler.sleep(math.min(interval, math.max(until_time - scheduler.now(), 0)))
  return math.min(interval * POLL_FACTOR, POLL_MOST)
end

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

---@class Pursuit one step on its way
---@field acted_at number? when act was called; nil: it is to be called
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
  self.denied = self.denied or answer == "no"
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
  if scheduler.now() >= self.run.deadline then
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
    message = string.format('"%s" did not become true within %.0f s%s', self.step.name, self.within,
      reason),
  })
end

-- Has the graceful way had its time, or is there too little left for it? Says why.
function Pursuit:wants_quick()
  local now = scheduler.now()
  local left = self.run.deadline - now - reserve_after(self.run, self.step)
  if left <= (self.step.least or LEAST) then
    return string.format("only %.0f s are left", math.max(self.run.deadline - now, 0))
  elseif self.acted_at and now - self.acted_at >= self.grace then
    return string.format("it did not become true within its grace of %.0f s", self.grace)
  end
end

-- What to do about a fact that does not hold: "act", "quick", or nil to wait.
function Pursuit:choose()
  local step = self.step
  local because = step.quick and not self.quick_done and self:wants_quick()
  if because then
    self.quick_done = true
    self:note('"%s": taking the quick way, because %s', step.name, because)
    return "quick"
  elseif step.act and not self.acted_at then
    return "act"
  end
end

-- Act or quick has failed. Returns the failure when it is the end of the step.
function Pursuit:after_failure(failed)
  local step, retry = self.step, self.step.retry or { times = 0, backoff = 1 }
  if not M.uncancelled(failed) then
    return failed
  elseif failed.transient and self.retries < retry.times then
    self.retries = self.retries + 1
    self.acted_at = nil
    self:wait_because(failed)
    local seconds = retry.backoff * 2 ^ (self.retries - 1)
    scheduler.sleep(math.min(seconds, math.max(self.until_time - scheduler.now(), 0)))
  elseif failed.maybe_executed then
    self:note('"%s": %s; looking whether it happened', step.name, tostring(failed))
  elseif step.quick and not self.quick_done then
    self.acted_at = -math.huge -- the grace is over
  elseif failure.codes[failed.code].settles then -- an earlier run's job may be making it true
    self.until_time = math.min(self.until_time, scheduler.now() + SETTLE)
  else
    return failed
  end
end

-- Calls act or quick. Returns the failure when it is the end of the step.
function Pursuit:try(which)
  local run, step, record = self.run, self.step, self.record
  record.attempts = record.attempts + 1
  if step.undo and not record.entered then -- before the call: it may take effect and be killed
    record.entered = true
    run.made[#run.made + 1] = { step = step, record = record }
  end
  local ok, result = scheduler.until_time(self.until_time, step[which], run.context)
  if ok and result == false then -- "not now": asked again at the next look
    self.acted_at, self.pending = nil, nil
    self.interval = M.pause(self.until_time, self.interval)
    return nil
  end
  self.acted_at = self.acted_at or scheduler.now()
  self.pending = not ok and result or nil
  self.interval = POLL_FIRST
  return not ok and self:after_failure(result) or nil
end

-- Seconds that a step may take.
function M.within(run, step)
  return M.value_of(step.within, run.context, WITHIN)
end

-- Makes the fact of one step true. `record` is the step's entry in the run's list. Returns nil
-- and whether it held at the
-- first look; or the failure, and whether nothing else is wrong than that it could not be told.
function M.pursue(run, step, record, within, until_time)
  local answer, why = M.look(run, step, until_time)
  if answer == "yes" then -- as most facts do
    return nil, true, why
  end
  local self = setmetatable({
    run = run, step = step, record = record, within = within, until_time = until_time,
    grace = step.quick and M.value_of(step.grace, run.context, within / 2),
    interval = POLL_FIRST, retries = 0, looks = 0, seen = "no", denied = false,
  }, Pursuit)
  answer, why = self:weigh(answer, why)
  while answer ~= "yes" do
    if answer == "failed" and not (why.transient and M.uncancelled(why)) then
      return why, false
    end
    if why ~= self.reason and tostring(why) ~= tostring(self.reason) then
      self.reason = why
      self:wait_because(why)
    end
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
      self.interval = M.pause(self.until_time, self.interval)
    end
    answer, why = self:weigh(M.look(run, step, self.until_time))
  end
  return nil, false, why
end

return M
