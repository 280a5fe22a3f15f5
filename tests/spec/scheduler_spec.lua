local failure = require("failure")
local fs = require("fs")
local loop = require("loop")
local process = require("process")
local scheduler = require("core.scheduler")

local CANCEL = failure.new({ code = "CANCELLED", message = "enough" })

-- Virtual time: waiting jumps to the moment that is waited for.
local function simulated(fn, ...)
  local now = 1000
  return scheduler.with_driver({
    now = function() return now end,
    wait = function(time)
      assert(time, "nothing to wait for")
      now = math.max(now, time)
      return {}, true
    end,
  }, fn, ...)
end

describe("the scheduler", function()
  it("wakes sleepers in the order of their times, then of their calls", function()
    local order = {}
    simulated(function()
      local tasks = {}
      for i, seconds in ipairs({ 3, 1, 2, 1, 0, 3 }) do
        tasks[i] = scheduler.spawn(function()
          scheduler.sleep(seconds)
          order[#order + 1] = i
        end)
      end
      for _, task in ipairs(tasks) do
        scheduler.join(task)
      end
    end)
    assert.same({ 5, 2, 4, 3, 1, 6 }, order)
  end)

  it("sleeps many at once for exactly their times", function()
    simulated(function()
      local start, wrong = scheduler.now(), 0
      local tasks = {}
      for i = 1, 500 do
        local seconds = (i * 7919) % 251
        tasks[i] = scheduler.spawn(function()
          scheduler.sleep(seconds)
          if scheduler.now() ~= start + seconds then
            wrong = wrong + 1
          end
        end)
      end
      for _, task in ipairs(tasks) do
        scheduler.join(task)
      end
      assert.equal(0, wrong)
    end)
  end)

  it("sleeps in real time too", function()
    local began = loop.now()
    scheduler.sleep(0.02)
    assert.is_true(loop.now() - began >= 0.019)
    scheduler.sleep(-1)
    scheduler.sleep(0)
  end)

  it("takes an endless sleep as one", function()
    local task = scheduler.spawn(scheduler.sleep, math.huge)
    scheduler.sleep(0.005)
    assert.is_false(task.done)
    scheduler.cancel(task, CANCEL)
    assert.is_false((scheduler.join(task)))
  end)

  it("gives every result of a task to all who join it, also late", function()
    local task = scheduler.spawn(function(...)
      scheduler.sleep(0.001)
      return ...
    end, 1, nil, 3)
    local other = scheduler.spawn(scheduler.join, task)
    assert.same({ true, 1, nil, 3, n = 4 }, table.pack(scheduler.join(task)))
    assert.same({ true, true, 1, nil, 3, n = 5 }, table.pack(scheduler.join(other)))
    assert.same({ true, 1, nil, 3, n = 4 }, table.pack(scheduler.join(task)))
  end)

  it("gives the failure of a task that raised", function()
    local ok, failed = scheduler.join(scheduler.spawn(error, "text"))
    assert.is_false(ok)
    assert.equal("SCRIPT_ERROR", failed.code)
  end)

  it("joins the first of several", function()
    simulated(function()
      local slow = scheduler.spawn(scheduler.sleep, 9)
      local fast = scheduler.spawn(scheduler.sleep, 2)
      local start = scheduler.now()
      assert.equal(fast, scheduler.join_any({ slow, fast }))
      assert.equal(2, scheduler.now() - start)
      assert.equal(slow, scheduler.join_any({ slow }))
      assert.equal(9, scheduler.now() - start)
    end)
  end)

  it("cancels a sleeping task at once, and only once", function()
    simulated(function()
      local start = scheduler.now()
      local caught = 0
      local task = scheduler.spawn(function()
        local ok, failed = pcall(scheduler.sleep, 100)
        assert.is_false(ok)
        assert.equal("enough", failed.message)
        caught = caught + 1
        scheduler.sleep(100) -- raises again: a cancelled task waits no more
      end)
      scheduler.sleep(1)
      scheduler.cancel(task, CANCEL)
      scheduler.cancel(task, failure.new({ code = "BUSY", message = "later" }))
      local ok, failed = scheduler.join(task)
      assert.is_false(ok)
      assert.equal("CANCELLED", failed.code)
      assert.equal(1, caught)
      assert.equal(1, scheduler.now() - start)
      scheduler.cancel(task, CANCEL) -- it has ended: nothing happens
    end)
  end)

  it("cancels a task that joins another one", function()
    simulated(function()
      local slow = scheduler.spawn(scheduler.sleep, 50)
      local joining = scheduler.spawn(scheduler.join, slow)
      scheduler.sleep(1)
      scheduler.cancel(joining, CANCEL)
      assert.equal("CANCELLED", select(2, scheduler.join(joining)).code)
      assert.is_false(slow.done)
      assert.is_true((scheduler.join(slow)))
    end)
  end)

  it("does not disturb a shielded part, and cancels after it", function()
    simulated(function()
      local start = scheduler.now()
      local steps = {}
      local task = scheduler.spawn(function()
        scheduler.shielded(function()
          scheduler.sleep(10)
          steps[#steps + 1] = scheduler.now() - start
        end)
        steps[#steps + 1] = "after"
        scheduler.sleep(10)
        steps[#steps + 1] = "never"
      end)
      scheduler.sleep(1)
      scheduler.cancel(task, CANCEL)
      assert.equal("CANCELLED", select(2, scheduler.join(task)).code)
      assert.same({ 10, "after" }, steps)
    end)
  end)

  it("gives results and failures of a shielded part like a guard", function()
    assert.same({ true, 1, 2 }, { scheduler.shielded(function() return 1, 2 end) })
    local ok, failed = scheduler.shielded(error, "x")
    assert.is_false(ok)
    assert.equal("SCRIPT_ERROR", failed.code)
    assert.is_falsy(scheduler.current().shielded)
  end)

  it("moves a deadline only to sooner, and back afterwards", function()
    local task = scheduler.current()
    local before = task.deadline
    local now = scheduler.now()
    scheduler.until_time(now + 50, function()
      assert.equal(now + 50, task.deadline)
      scheduler.until_time(now + 90, function()
        assert.equal(now + 50, task.deadline)
      end)
      local ok = scheduler.until_time(now + 10, error, "x")
      assert.is_false(ok)
      assert.equal(now + 50, task.deadline)
      local child = scheduler.spawn(function() return scheduler.current().deadline end)
      assert.same({ true, now + 50 }, { scheduler.join(child) })
    end)
    assert.equal(before, task.deadline)
  end)

  it("lets slow natives of two tasks overlap", function()
    local began = loop.now()
    local tasks = {}
    for i = 1, 4 do
      tasks[i] = scheduler.spawn(process.run, { "sleep", "0.1", timeout = 10 })
    end
    for _, task in ipairs(tasks) do
      assert.is_true((scheduler.join(task)))
    end
    local took = loop.now() - began
    assert.is_true(took >= 0.09 and took < 0.35, tostring(took))
  end)

  it("forgets the tasks that are left when the main one ends", function()
    local ran = false
    simulated(function()
      scheduler.spawn(function()
        scheduler.sleep(1)
        ran = true
      end)
    end)
    simulated(scheduler.sleep, 5)
    assert.is_false(ran)
  end)

  it("says so when nothing can happen any more", function()
    assert.error_matches(function()
      scheduler.with_driver({
        now = function() return 0 end,
        wait = function() return {}, false end,
      }, function()
        scheduler.join_any({})
      end)
    end, "every task waits for something that cannot happen")
  end)

  it("tells a signal with the moment by which the sleeps of its round were judged", function()
    local time, main, branch = 0, nil, nil
    local ok, failed = scheduler.with_driver({
      now = function()
        time = time + 1 -- a busy machine: it is later at every look at the clock
        return time
      end,
      wait = function()
        return {}, true
      end,
      interrupted = function()
        return "SIGTERM"
      end,
    }, function()
      main = scheduler.current()
      branch = scheduler.spawn(scheduler.sleep, 3)
      scheduler.join(branch)
    end)
    assert.is_false(ok)
    assert.are.equal("CANCELLED", failed.code)
    assert.is_false(branch.done) -- due at 4: it slept still at 2, and 3 is no moment of this round
    assert.are.equal(2, main.cancelled_at[1])
  end)

  it("restores what was there after a run with another driver, also after an error", function()
    local task = scheduler.current()
    local before = scheduler.now()
    assert.same({ true, 5 }, { simulated(function() return 5 end) })
    assert.has_error(function()
      scheduler.with_driver({ now = loop.now, wait = function() error("driver") end },
        scheduler.sleep, 1)
    end)
    assert.equal(task, scheduler.current())
    assert.is_true(scheduler.now() - before < 60)
    scheduler.sleep(0.001)
  end)

  it("does not lose what is woken outside while another driver runs", function()
    local outside = scheduler.spawn(process.run, { "true", timeout = 10 })
    scheduler.sleep(0) -- it has begun
    scheduler.with_driver({
      now = loop.now,
      wait = function(time) return loop.poll(math.max(time - loop.now(), 0)) end,
    }, function()
      for _ = 1, 20 do
        scheduler.sleep(0.005)
      end
    end)
    local ok, result = scheduler.join(outside)
    assert.is_true(ok)
    assert.is_false(result.timed_out)
  end)

  it("never runs an abandoned family again", function()
    simulated(function()
      local ran = {}
      local task = scheduler.spawn_family(function()
        scheduler.spawn(function()
          scheduler.sleep(2)
          ran[#ran + 1] = "child"
        end)
        local cleanup <close> = setmetatable({}, { __close = function()
          ran[#ran + 1] = "close"
        end })
        scheduler.sleep(2)
        ran[#ran + 1] = cleanup
      end)
      scheduler.sleep(1)
      scheduler.abandon(task)
      assert.equal("CANCELLED", select(2, scheduler.join(task)).code)
      scheduler.sleep(5)
      assert.same({}, ran)
    end)
  end)
end)

describe("a signal", function()
  it("is raised in the main task of a program, which can clean up", function()
    local host = process.run({ "readlink", "/proc/" .. loop.pid() .. "/exe", timeout = 10 })
    local script = os.tmpname()
    fs.write(script, [[
      local scheduler, loop = require("core.scheduler"), require("loop")
      loop.catch_signals()
      print("ready") io.stdout:flush()
      local ok, failed = pcall(scheduler.sleep, 60)
      print(ok, failed.code, failed.message)]])
    local child <close> = process.start({
      host.stdout:match("[^\n]+"), "run", script, stdout = "pipe",
    })
    assert.equal("ready", child:read_line({ timeout = 20 }))
    child:kill("TERM")
    assert.equal("false\tCANCELLED\tstopped by SIGTERM", child:read_line({ timeout = 20 }))
    assert.is_table(child:wait(20))
    os.remove(script)
  end)
end)

describe("the watchdog", function()
  before_each(function()
    loop.watchdog(0.03)
    scheduler.sleep(0)
  end)

  after_each(function()
    loop.watchdog(0)
  end)

  local function endless()
    while true do end
  end

  local function stuck(fn, ...)
    local ok, failed = loop.guard(fn, ...)
    assert.is_false(ok)
    assert.equal("SCRIPT_STUCK", failed.code)
    return failed
  end

  it("stops an endless loop and names its line", function()
    local began = loop.now()
    local failed = stuck(endless)
    assert.is_true(loop.now() - began < 5)
    assert.matches("scheduler_spec.lua:%d+$", failed.where)
    assert.is_true(2 + 2 == 4) -- and the script goes on
  end)

  it("stops it inside of pcall in a loop", function()
    stuck(function()
      while true do
        pcall(endless)
      end
    end)
    stuck(function()
      while true do
        pcall(function() while true do pcall(endless) end end)
      end
    end)
  end)

  it("stops it inside of a coroutine of the script's own", function()
    stuck(function()
      while true do
        coroutine.resume(coroutine.create(endless))
      end
    end)
  end)

  it("stops a guard in a loop as well, and the task with it", function()
    local began = loop.now()
    local task = scheduler.spawn(function()
      while true do
        loop.guard(endless)
      end
    end)
    local ok, failed = scheduler.join(task)
    assert.is_false(ok)
    assert.equal("SCRIPT_STUCK", failed.code)
    assert.matches("scheduler_spec.lua:%d+$", failed.where)
    assert.is_true(loop.now() - began < 5)
  end)

  it("counts the time since the last wait only", function()
    for _ = 1, 4 do
      local began = loop.now()
      while loop.now() - began < 0.012 do end
      scheduler.sleep(0)
    end
    process.run({ "sleep", "0.05", timeout = 10 })
    for _ = 1, 100000 do end
  end)

  it("does not count the time that nobody ran", function()
    local task = scheduler.spawn(function()
      scheduler.sleep(0.06)
      for _ = 1, 100000 do end
      return "fine"
    end)
    assert.same({ true, "fine" }, { scheduler.join(task) })
  end)

  it("leaves the scheduler alone, which may have waited for long", function()
    local before = loop.slice(false)
    local began = loop.now()
    while loop.now() - began < 0.05 do end
    assert.is_false(loop.slice(before))
    assert.is_true(before)
  end)

  it("may fire again and again, with waits between", function()
    for _ = 1, 5 do
      stuck(endless)
      scheduler.sleep(0)
    end
  end)
end)

-- Up to libuv 1.44 timers run before the wait: one that is due already left a wait without an end.
-- On a clock that leaps ahead whenever somebody looks at it, one of these sleeps is always so.
describe("a wait whose time runs out before it begins", function()
  local SCRIPT = [[
    local scheduler, process = require("core.scheduler"), require("process")
    local child = process.start({ "sleep", "10", stdout = "discard", stderr = "discard" })
    for leaps = 0, 9 do
      scheduler.sleep(0.04 * leaps + 0.02)
    end
    print(child:wait(0) and "late" or "in time")
    child:kill("KILL")
  ]]

  it("does not last until something else happens", function()
    if os.getenv("ASAN_OPTIONS") then
      pending("the sanitizers' own library must be loaded first")
      return
    end
    local folder = require("cli.folder")
    local directory = folder.temporary()
    local library, script = directory .. "/clock.so", directory .. "/sleeps.lua"
    local compiled = process.run({
      os.getenv("CC") or "cc", "-shared", "-fPIC", "-o", library, "tests/fixtures/leaping_clock.c",
      timeout = 60,
    })
    assert.equal(0, compiled.code, compiled.stderr)
    fs.write(script, SCRIPT)
    local program = require("lfs").symlinkattributes("/proc/self/exe").target
    local result = process.run({ program, "run", script, env = { LD_PRELOAD = library },
      timeout = 60 })
    folder.remove(directory)
    assert.equal("in time\n", result.stdout, result.stderr)
  end)
end)
