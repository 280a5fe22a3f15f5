-- The cooperative scheduler: tasks are coroutines; whatever a task waits for, the others go on
-- meanwhile.
--
-- Natives that wait suspend the running coroutine (host/runtime/await.h) and report it to
-- `loop.poll` when it can go on. Time comes from one place, the driver: the real one asks libuv;
-- the simulator's jumps to the next event, so that hours pass in milliseconds. Everything is first
-- in, first out, so virtual time is deterministic.
local loop = require("loop")
local failure = require("failure")

local slice = loop.slice -- a sequence must not get at it

local M = {}

---@class Task
---@field done boolean
---@field deadline number? on the driver's clock
---@field cancelled table? failure object that is raised at the task's next wait
---@field branch string? which of the branches side by side; the first task has none
---@field trail table? where a recorded run keeps what its next call needs (engine/observe.lua)

local real_driver = {
  now = loop.now,
  -- Waits until `time` (nil: for ever) or an event; gives the coroutines to resume.
  wait = function(time)
    local timeout = time and math.max(time - loop.now(), 0)
    return loop.poll(timeout)
  end,
}

local driver = real_driver
local tasks = {} -- coroutine -> task, while alive
local ready, first, last = {}, 1, 0 -- queue of tasks
local timers = {} -- binary heap, ordered by time, then sequence
local sequence = 0
local current -- the running task
local turn = 0 -- rounds of the loop, each of which ends some waits
local shields = 0 -- tasks that must not be cut off now, under the real driver
local strays -- under another driver: coroutines of the tasks outside that were woken meanwhile

local function earlier(a, b)
  return a.time < b.time or (a.time == b.time and a.sequence < b.sequence)
end

local function push_timer(timer)
  local i = #timers + 1
  timers[i] = timer
  while i > 1 do
    local up = i // 2
    if not earlier(timers[i], timers[up]) then
      break
    end
    timers[i], timers[up] = timers[up], timers[i]
    i = up
  end
end

local function pop_timer()
  local top, count = timers[1], #timers
  timers[1] = timers[count]
  timers[count] = nil
  count = count - 1
  local i = 1
  while true do
    local least = i
    for child = 2 * i, 2 * i + 1 do
      if child <= count and earlier(timers[child], timers[least]) then
        least = child
      end
    end
    if least == i then
      return top
    end
    timers[i], timers[least] = timers[least], timers[i]
    i = least
  end
end

local function make_ready(task)
  last = last + 1
  ready[last] = task
end

-- Wakes the task of a timer or waiter, if it still waits for that (sleep, join). Natives' waits end
-- by themselves.
local function wake(waiter)
  local task = waiter.task
  if task.waiting == waiter then
    task.waiting = nil
    make_ready(task)
  end
end

local function finish(task)
  task.done = true
  tasks[task.co] = nil
  loop.forget(task.co)
  for _, waiter in ipairs(task.waiters) do
    wake(waiter)
  end
  task.waiters = {}
end

function M.now()
  return driver.now()
end

---@return Task? the running task; nil outside of the scheduler
function M.current()
  return current
end

-- Raises when the running task is to stop. Called at every wait and before every call to the
-- outside.
function M.check()
  local task = current
  if task and task.cancelled and not task.shielded then
    error(task.cancelled, 0)
  end
end

-- The running task waits from now on, for a timer or a waiter: { task = current, ... }.
local function park(waiter)
  current.waiting = waiter
  return waiter
end

-- Suspends the running task for `seconds`.
function M.sleep(seconds)
  assert(current, "sleep outside of a task")
  M.check()
  sequence = sequence + 1
  local time = driver.now() + (seconds > 0 and seconds or 0)
  if driver.wakes then -- a replay knows when it really was
    time = driver.wakes(current, time)
  end
  push_timer(park({ time = time, sequence = sequence, task = current }))
  coroutine.yield()
  local trail = current.trail
  if trail then
    local woke, count = trail.woke, #trail.woke
    local cancelled = current.cancelled and not current.shielded
    woke[count + 1], woke[count + 2] = driver.now(), cancelled and 0 or turn
  end
  M.check()
end

-- The round of the loop that is going on: what ended in the same round was resumed one after the
-- other, before anything that it set off.
---@return integer
function M.turn()
  return turn
end

-- Starts `fn(...)` as a task of its own. It shares its parent's deadline and family.
---@return Task
function M.spawn(fn, ...)
  local arguments = table.pack(...)
  local task = {
    done = false, waiters = {}, deadline = current and current.deadline,
    family = current and current.family or {}, branch = current and current.branch,
  }
  task.co = coroutine.create(function()
    task.results = table.pack(loop.guard(fn, table.unpack(arguments, 1, arguments.n)))
  end)
  tasks[task.co] = task
  loop.task(task.co, task.deadline)
  make_ready(task)
  return task
end

-- Starts `fn(...)` as the first of a family of its own, which can be abandoned as a whole.
---@return Task
function M.spawn_family(fn, ...)
  local task = M.spawn(fn, ...)
  task.family, task.deadline = {}, nil
  loop.task(task.co, nil)
  return task
end

-- The whole family of a task never runs again, not even to clean up: what a crash is to the
-- simulator.
function M.abandon(task)
  task.family.abandoned = true
  if not task.done then
    task.results = { false, failure.new({ code = "CANCELLED", message = "killed" }), n = 2 }
    finish(task)
  end
end

-- Waits for a task's end. Returns true and its results, or false and the failure object.
function M.join(task)
  while not task.done do
    M.check()
    task.waiters[#task.waiters + 1] = park({ task = current })
    coroutine.yield()
  end
  return table.unpack(task.results, 1, task.results.n)
end

-- Waits for the ends of tasks that were told to stop, also when the running one is to stop itself.
-- Shields nothing: what they wait for in natives may end early.
---@param list Task[]
function M.wait_out(list)
  for _, task in ipairs(list) do
    while not task.done do
      task.waiters[#task.waiters + 1] = park({ task = current })
      coroutine.yield()
    end
  end
end

-- Waits until one of several tasks has ended; gives it.
function M.join_any(list)
  while true do
    for _, task in ipairs(list) do
      if task.done then
        return task
      end
    end
    M.check()
    local waiter = park({ task = current })
    for _, task in ipairs(list) do
      task.waiters[#task.waiters + 1] = waiter
    end
    coroutine.yield()
  end
end

-- Asks a task to stop: `why` (a failure object) is raised at its next wait. at: the moment that a
-- replay is told (default: now).
function M.cancel(task, why, at)
  if task.done or task.cancelled then
    return
  end
  task.cancelled, task.cancelled_at = why, { at or driver.now(), turn }
  if task.waiting and not task.shielded then
    wake(task.waiting)
  end
end

-- Waits inside natives end at a signal, but not while something shielded is under way: natives
-- know only one switch for all of them (host/runtime/limit.h).
local function count_shields(change)
  if driver == real_driver then
    shields = shields + change
    loop.cancel(shields == 0 and loop.interrupted() ~= nil)
  end
end

local function unshielded(task, ...)
  count_shields(-1)
  task.shielded = false
  return ...
end

-- Runs `fn(...)` so that a cancel waits until it is over: for a change that is on the wire, and for
-- undo.
function M.shielded(fn, ...)
  local task = current
  if task.shielded then
    return loop.guard(fn, ...)
  end
  task.shielded = true
  count_shields(1)
  return unshielded(task, loop.guard(fn, ...))
end

-- Natives that wait know of a deadline on the real clock only.
local function set_deadline(task, time, ...)
  task.deadline = time
  if driver == real_driver then
    loop.task(task.co, time)
  end
  return ...
end

-- Runs `fn(...)` with the running task's deadline moved to `time`, if that is sooner. Returns as
-- loop.guard does.
function M.until_time(time, fn, ...)
  local task = current
  local before = task.deadline
  if not before or time < before then
    set_deadline(task, time)
  end
  return set_deadline(task, before, loop.guard(fn, ...))
end

-- Replaces the deadline of the running task (nil: none).
function M.set_deadline(time)
  set_deadline(current, time)
end

local function resume(task)
  if task.family.abandoned then
    tasks[task.co] = nil
    return
  end
  current = task
  local outer = slice(true)
  local ok, message = coroutine.resume(task.co)
  slice(outer)
  current = nil
  if coroutine.status(task.co) == "dead" and not task.done then
    if not ok then
      if not failure.is(message) then
        message = failure.new({ code = "INTERNAL", message = tostring(message) })
      end
      task.results = { false, message, n = 2 }
    end
    finish(task)
  end
end

-- Called by drivers and natives' wake-ups: a coroutine whose native wait is over.
local function resume_native(co)
  local task = tasks[co]
  if task then
    make_ready(task)
  elseif strays then
    strays[#strays + 1] = co
  end
end

local function forget_all()
  tasks, ready, first, last, timers = {}, {}, 1, 0, {}
end

-- at: the moment by which sleeps were judged in this round; those that were due later, however
-- soon, did not end before it.
local function on_interrupt(main, at)
  local name = (driver.interrupted or loop.interrupted)()
  if name and not main.interrupted then
    main.interrupted = true
    count_shields(0)
    M.cancel(main, failure.new({ code = "CANCELLED", message = "stopped by " .. name }), at)
  end
end

-- Runs `fn(...)` as the main task until it ends; other tasks that are left then are forgotten.
-- Returns true and its results, or false and the failure object.
function M.run(fn, ...)
  assert(not current, "the scheduler runs already")
  local main = M.spawn(fn, ...)
  while not main.done do
    while first <= last do
      local task = ready[first]
      ready[first] = nil
      first = first + 1
      resume(task)
      if main.done then
        break
      end
    end
    if main.done then
      break
    end
    local timer = timers[1]
    local woken, alive = driver.wait(timer and timer.time)
    turn = turn + 1
    for _, co in ipairs(woken) do
      resume_native(co)
    end
    local now = driver.now()
    while timers[1] and timers[1].time <= now do
      wake(pop_timer())
    end
    on_interrupt(main, now)
    if not alive and first > last and not timers[1] then
      forget_all()
      error("every task waits for something that cannot happen")
    end
  end
  forget_all()
  return table.unpack(main.results, 1, main.results.n)
end

-- Runs with another driver (the simulator's) and a scheduler state of its own, then restores what
-- was there.
function M.with_driver(other, fn, ...)
  local saved = { driver, tasks, ready, first, last, timers, sequence, current, strays }
  driver, tasks, ready, first, last, timers, sequence, current = other, {}, {}, 1, 0, {}, 0, nil
  strays = {}
  local results = table.pack(pcall(M.run, fn, ...))
  local outside = strays
  driver, tasks, ready, first, last, timers, sequence, current, strays =
    table.unpack(saved, 1, 9)
  for _, co in ipairs(outside) do
    resume_native(co)
  end
  if not results[1] then
    error(results[2], 0)
  end
  return table.unpack(results, 2, results.n)
end

return M
