local process = require("process")
local scheduler = require("core.scheduler")
local loop = require("loop")

local function fails(fn, ...)
  local ok, failed = loop.guard(fn, ...)
  assert.is_false(ok)
  return failed
end

describe("process.run", function()
  it("gives output, errors and exit code of a program", function()
    local result = process.run({ "sh", "-c", "echo out; echo err >&2; exit 3", timeout = 10 })
    assert.same({ code = 3, stdout = "out\n", stderr = "err\n", timed_out = false }, result)
  end)

  it("passes arguments as they are, without a shell", function()
    local result = process.run({ "printf", "%s|", "a b", "$HOME", "*", "", 'q"', 5, timeout = 10 })
    assert.equal('a b|$HOME|*||q"|5|', result.stdout)
  end)

  it("writes the input and ends it", function()
    assert.equal("some\0thing", process.run({ "cat", input = "some\0thing", timeout = 10 }).stdout)
    assert.equal("", process.run({ "cat", input = "", timeout = 10 }).stdout)
    assert.equal("", process.run({ "cat", timeout = 10 }).stdout)
  end)

  it("moves much input and output at the same time", function()
    local text = ("0123456789"):rep(50000)
    local result = process.run({ "cat", input = text, timeout = 10 })
    assert.is_true(result.stdout == text)
  end)

  it("does not mind a program that leaves its input unread", function()
    local result = process.run({ "true", input = ("x"):rep(1000000), timeout = 10 })
    assert.equal(0, result.code)
  end)

  it("keeps no more output than asked for and lets the program end", function()
    local result = process.run({
      "sh", "-c", "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2",
      max_output = "10KiB", timeout = 10,
    })
    assert.equal(0, result.code)
    assert.equal(10240, #result.stdout)
    assert.equal(10240, #result.stderr)
  end)

  it("kills the program when the time is up", function()
    local began = loop.now()
    local result = process.run({ "sh", "-c", "echo begun; exec sleep 20", timeout = 0.05 })
    assert.is_true(result.timed_out)
    assert.equal("begun\n", result.stdout)
    assert.equal(9, result.signal)
    assert.is_nil(result.code)
    assert.is_true(loop.now() - began < 5)
  end)

  it("is limited by the deadline of the task", function()
    local result, failed
    scheduler.until_time(scheduler.now() + 0.05, function()
      result = process.run({ "sleep", "20", timeout = 15 })
      failed = fails(process.run, { "true" })
    end)
    assert.is_true(result.timed_out)
    assert.equal("DEADLINE", failed.code)
  end)

  it("does not wait for children that a program leaves behind with its output", function()
    local began = loop.now()
    local result = process.run({ "sh", "-c", "echo x; sleep 5 & exit 0", timeout = 20 })
    assert.equal("x\n", result.stdout)
    assert.is_false(result.timed_out)
    assert.is_true(loop.now() - began < 4)
  end)

  it("tells the signal that ended a program", function()
    local result = process.run({ "sh", "-c", "kill -TERM $$", timeout = 10 })
    assert.equal(15, result.signal)
    assert.is_nil(result.code)
  end)

  it("changes the environment and the directory of the program only", function()
    local result = process.run({
      "sh", "-c", "echo $ADDED ${HOME-none}; pwd; test -n \"$PATH\" && echo path",
      env = { ADDED = "yes", HOME = false }, directory = "/", timeout = 10,
    })
    assert.equal("yes none\n/\npath\n", result.stdout)
  end)

  it("names the program and the reason when it cannot be started", function()
    local failed = fails(process.run, { "no-such-program-here", timeout = 1 })
    assert.equal("PROCESS_FAILED", failed.code)
    assert.equal("no-such-program-here", failed.target)
    assert.matches('cannot start "no%-such%-program%-here": no such file', failed.message)
    failed = fails(process.run, { "true", directory = "/no/such/place", timeout = 1 })
    assert.matches("no directory /no/such/place", failed.message)
    assert.equal("PROCESS_FAILED", fails(process.run, { "/", timeout = 1 }).code)
  end)

  it("refuses what is not an argument list", function()
    assert.has_error(function() process.run("true") end)
    assert.matches("program is missing", fails(process.run, {}).message)
    assert.matches("an argument must be text", fails(process.run, { "true", {} }).message)
    assert.matches("zero byte", fails(process.run, { "true", "a\0b" }).message)
    assert.matches('no option "time"', fails(process.run, { "true", time = 1 }).message)
    assert.matches("env.A must be text", fails(process.run, { "true", env = { A = 1 } }).message)
    assert.matches("max_output must be a size",
      fails(process.run, { "true", max_output = 5 }).message)
  end)

  it("lets other tasks go on while it waits", function()
    local order = {}
    local slow = scheduler.spawn(function()
      process.run({ "sleep", "0.05", timeout = 10 })
      order[#order + 1] = "slow"
    end)
    local fast = scheduler.spawn(function()
      scheduler.sleep(0.001)
      order[#order + 1] = "fast"
    end)
    scheduler.join(slow)
    scheduler.join(fast)
    assert.same({ "fast", "slow" }, order)
  end)

  it("refuses where nobody could go on, before anything is started", function()
    local mark = os.tmpname()
    os.remove(mark)
    local co = coroutine.create(function()
      process.run({ "touch", mark, timeout = 10 })
    end)
    local ok, message = coroutine.resume(co)
    assert.is_false(ok)
    assert.matches("cannot wait here", message)
    process.run({ "true", timeout = 10 })
    assert.is_nil(io.open(mark))
  end)
end)

describe("process.start", function()
  local started

  local function start(options)
    local p = process.start(options)
    started[#started + 1] = p
    return p
  end

  before_each(function()
    started = {}
  end)

  after_each(function()
    for _, p in ipairs(started) do
      p:close()
    end
  end)

  it("reads lines as they come and nil at the end", function()
    local p = start({ "printf", "one\\ntwo\\r\\n\\nlast", stdout = "pipe" })
    assert.equal("one", p:read_line({ timeout = 10 }))
    assert.equal("two", p:read_line({ timeout = 10 }))
    assert.equal("", p:read_line({ timeout = 10 }))
    assert.equal("last", p:read_line({ timeout = 10 }))
    assert.same({ n = 1 }, table.pack(p:read_line({ timeout = 10 })))
    assert.same({ code = 0 }, p:wait(10))
  end)

  it("says that the time was up when no line came", function()
    local p = start({ "sleep", "20", stdout = "pipe" })
    assert.same({ nil, "timeout", n = 2 }, table.pack(p:read_line({ timeout = 0.02 })))
    assert.is_nil(p:wait(0.01))
  end)

  it("reads both streams apart", function()
    local p = start({ "sh", "-c", "echo out; echo err >&2", stdout = "pipe", stderr = "pipe" })
    assert.equal("err", p:read_line({ which = "stderr", timeout = 10 }))
    assert.equal("out", p:read_line({ timeout = 10 }))
  end)

  it("does not read ahead without bound and loses nothing", function()
    local p = start({ "seq", "1", "400000", stdout = "pipe" })
    local count, sum = 0, 0
    for line in function() return p:read_line({ timeout = 10 }) end do
      count, sum = count + 1, sum + tonumber(line)
    end
    assert.equal(400000, count)
    assert.equal(400000 * 400001 // 2, sum)
  end)

  it("sends signals by name", function()
    local p = start({ "sleep", "20" })
    assert.is_true(p:pid() > 1)
    p:kill("TERM")
    assert.same({ signal = 15 }, p:wait(10))
    p:kill("KILL") -- it has ended: nothing happens
    assert.has_error(function() p:kill("HUP9") end)
  end)

  it("kills the program when the handle is closed", function()
    local p = start({ "sleep", "20" })
    local pid = p:pid()
    p:close()
    p:close()
    local alive = true
    for _ = 1, 100 do
      alive = process.run({ "kill", "-0", tostring(pid), timeout = 10 }).code == 0
      if not alive then
        break
      end
      scheduler.sleep(0.005)
    end
    assert.is_false(alive)
    assert.matches("closed", fails(p.wait, p).message)
  end)

  it("wakes the tasks that wait when another one closes the handle", function()
    local p = start({ "sleep", "20", stdout = "pipe" })
    local waiting = scheduler.spawn(p.wait, p)
    local reading = scheduler.spawn(p.read_line, p)
    scheduler.sleep(0.005)
    p:close()
    assert.matches("closed", select(2, scheduler.join(waiting)).message)
    assert.matches("closed", select(2, scheduler.join(reading)).message)
  end)

  it("serves several tasks that wait for the same program", function()
    local p = start({ "sh", "-c", "sleep 0.02; echo x; exit 4", stdout = "pipe" })
    local a = scheduler.spawn(p.wait, p, 10)
    local b = scheduler.spawn(p.wait, p, 0.001)
    local c = scheduler.spawn(p.read_line, p, { timeout = 10 })
    assert.same({ true, { code = 4 } }, { scheduler.join(a) })
    assert.same({ true }, { scheduler.join(b) })
    assert.same({ true, "x" }, { scheduler.join(c) })
  end)

  it("refuses unknown words for streams", function()
    assert.matches('must be "pipe", "inherit" or "discard"',
      fails(process.start, { "true", stdout = "file" }).message)
  end)
end)
