-- Who gives way to whom: the rules on virtual time, then real processes.
local exit_codes = require("core.exit_codes")
local run_lock = require("failover.safety.run_lock")
local fs = require("fs")
local json = require("json")
local loop = require("loop")
local process = require("process")
local scheduler = require("core.scheduler")
local site_module = require("support.site")
local virtual_clock = require("core.virtual_clock")

local NEVER = 600 -- seconds
local contains = site_module.contains

-- Nothing takes time in the lab, except what a spec says.
local function latency(more)
  local all = {}
  for name in ([[link unlink enumerate dismount mount list_lag assign remove modify import validate
    realize destroy export start turn_off boot shutdown]]):gmatch("%S+") do
    all[name] = more and more[name] or 0
  end
  return all
end

-- Takes a lock on virtual time. holders(now) gives who has it, or nil; asked(holder) what `ask`
-- gives. Gives ok, what take gave, seconds, who was asked.
local function take(options, holders, ask)
  local clock, asked, said = virtual_clock.new(1000), {}, {}
  local ok, result, waited = scheduler.with_driver(clock, function()
    return run_lock.take({
      command = options.command, vm = "vme2", wait = options.wait or 0,
      patience = options.patience or 0, now = scheduler.now, sleep = scheduler.sleep,
      try = function()
        local holder = holders(clock.now() - 1000)
        if holder then
          return nil, {
            text = holder.text or holder.command, key = holder, command = holder.command,
          }
        end
        return "the lock"
      end,
      ask = function(holder)
        asked[#asked + 1] = holder.text
        return ask and ask(holder.key, clock.now() - 1000)
      end,
      say = function(text)
        said[#said + 1] = text
      end,
    })
  end)
  return {
    ok = ok, lock = ok and result, failure = not ok and result, waited = waited,
    took = clock.now() - 1000, asked = asked, said = said,
  }
end

local function until_time(holder, ends)
  return function(now)
    return now < ends and holder or nil
  end
end

local function agrees()
  return true
end

describe("a lock that somebody has", function()
  it("is asked for by stop only, and only from a start", function()
    for _, holder in ipairs({ "start", "stop", "recover", "prepare" }) do
      for _, command in ipairs({ "start", "stop", "recover", "prepare" }) do
        local result = take({ command = command, wait = 5, patience = 5 },
          until_time({ command = holder }, 2), agrees)
        assert.are.equal("the lock", result.lock)
        assert.are.equal(holder == "start" and command == "stop" and 1 or 0, #result.asked,
          command .. " during " .. holder)
      end
    end
  end)

  it("is busy at once without a wait, and says who has it", function()
    local result = take({ command = "start" }, until_time({ command = "stop", text = "a stop" },
      NEVER))
    assert.are.equal("BUSY", result.failure.code)
    contains(result.failure.message, "a stop")
    assert.are.equal(0, result.took)
  end)

  it("is waited for as long as asked", function()
    local result = take({ command = "start", wait = 7 }, until_time({ command = "stop" }, NEVER))
    assert.are.equal("BUSY", result.failure.code)
    assert.is_true(result.took >= 7 and result.took < 7.1)
  end)

  it("is waited for as long as patience lasts when a start was asked, then busy says so", function()
    local result = take({ command = "stop", wait = 1, patience = 20 },
      until_time({ command = "start" }, NEVER), agrees)
    assert.are.equal("BUSY", result.failure.code)
    contains(result.failure.message, "asked to give way 20 s ago")
    assert.is_true(result.took >= 20 and result.took < 20.1)
    assert.are.equal(1, #result.asked)
    contains(result.said[1], "waiting up to 20 s")
  end)

  it("is taken soon after a start has given way", function()
    local result = take({ command = "stop", patience = 100 },
      until_time({ command = "start" }, 12), agrees)
    assert.are.equal("the lock", result.lock)
    assert.is_true(result.took < 12.6)
    contains(result.waited, "asked to give way")
  end)

  it("is taken at once when the process that had it is gone", function()
    local result = take({ command = "stop", wait = 0, patience = 100 },
      until_time({ command = "start" }, 0.1), function() return false end)
    assert.are.equal("the lock", result.lock)
    assert.is_true(result.took < 0.3)
  end)

  it("asks the next start, too, when another one was faster", function()
    local first, second = { command = "start", text = "one" }, { command = "start", text = "two" }
    local result = take({ command = "stop", patience = 100 }, function(now)
      return now < 1 and first or now < 2 and second or nil
    end, agrees)
    assert.are.equal("the lock", result.lock)
    assert.are.same({ "one", "two" }, result.asked)
  end)

  it("of a start that cannot be asked is waited for like any other", function()
    local result = take({ command = "stop", wait = 3, patience = 100 },
      until_time({ command = "start" }, NEVER), function() return nil end)
    assert.are.equal("BUSY", result.failure.code)
    assert.is_true(result.took < 3.1)
    assert.are.equal(1, #result.asked)
  end)

  it("gets half of stop's time at the most", function()
    assert.are.same({ 30, 100 }, { run_lock.times("stop", 200) })
    assert.are.same({ 5, 5 }, { run_lock.times("stop", 10, 60) })
    assert.are.same({ 0, 0 }, { run_lock.times("start", 200) })
    assert.are.same({ 60, 0 }, { run_lock.times("start", 200, 60) })
  end)
end)

describe("process.signal", function()
  local function sleeper()
    return process.start({ "sleep", "60", stdout = "discard", stderr = "discard" })
  end

  it("ends the very process that started then", function()
    local child = sleeper()
    local started = process.started(child:pid())
    assert.is_true(started > 0)
    assert.is_true(process.signal(child:pid(), started, "TERM"))
    assert.are.equal(15, child:wait(10).signal)
    assert.is_nil(process.started(child:pid()))
    assert.is_false(process.signal(child:pid(), started, "TERM"))
    child:close()
  end)

  it("never reaches another process of the same number", function()
    local child = sleeper()
    local started = process.started(child:pid())
    assert.is_false(process.signal(child:pid(), started + 1, "KILL"))
    assert.is_false(process.signal(child:pid(), 0, "KILL"))
    assert.is_nil(child:wait(0.02))
    child:kill("KILL")
    assert.are.equal(9, child:wait(10).signal)
    child:close()
  end)

  it("wants a process number and a known signal", function()
    assert.has_error(function() process.signal(0, 1, "TERM") end)
    assert.has_error(function() process.signal(-1, 1, "TERM") end)
    assert.has_error(function() process.signal(loop.pid(), 1, "HUP") end)
    assert.has_error(function() process.started(0) end)
  end)
end)

describe("a stop in the middle of a start", function()
  local site, children

  setup(function()
    site = site_module.open({ latency = latency(), vms = { vme2 = { prepared = true } } })
  end)

  teardown(function()
    site:close()
  end)

  before_each(function()
    children = {}
    site:reset()
    site.admin:clear_faults()
  end)

  after_each(function()
    for _, child in ipairs(children) do
      if not child:wait(0) then
        child:kill("KILL")
        child:wait(10)
      end
      child:close()
    end
  end)

  local function launch(...)
    local child = site:start({ ... })
    children[#children + 1] = child
    return child
  end

  local function code_of(child)
    local ended = child:wait(30)
    return ended and ended.code
  end

  local function assert_stopped()
    local truth = site.admin:truth()
    assert.are.same({}, site:vm(truth).running)
    assert.are.equal("free", site:gpu(truth).state)
    assert.are.same({}, truth.violations)
  end

  -- A start that waits for a link which never comes.
  local function waiting_start()
    site:reset({ latency = latency({ link = NEVER }) })
    local child = launch("start", "vme2")
    assert.is_truthy(site_module.wait_until(function()
      return site:gpu().group_id == 50
    end))
    return child
  end

  it("makes start take everything back, and then stops", function()
    local child = waiting_start()
    local result = site:run({ "stop", "vme2", "--json" })
    assert.are.equal(exit_codes.ok, result.code, result.stderr)
    assert.are.equal(exit_codes.cancelled, code_of(child))
    contains(json.decode(result.stdout).notes[1], ("process %d"):format(child:pid()))
    contains(json.decode(result.stdout).notes[1], "was asked to give way")
    assert_stopped()
  end)

  it("lets start finish the change that is on the wire", function()
    site:reset({ latency = latency({ start = 0.4, boot = NEVER }) })
    local rule = site.admin:fault({ effect = "delay", seconds = 0.1,
      match = { method = "RequestStateChange", nth = 1 } })
    local child = launch("start", "vme2")
    assert.is_truthy(site_module.wait_until(function()
      return site:seen(rule) > 0
    end))
    local result = site:run({ "stop", "vme2" })
    assert.are.equal(exit_codes.ok, result.code, result.stderr)
    assert.are.equal(exit_codes.cancelled, code_of(child))
    local verbs = {}
    for _, change in ipairs(site:changes()) do
      verbs[#verbs + 1] = change:match("^ms1 (start)") or change:match("^ms1 (turn off)")
    end
    assert.are.same({ "start", "turn off" }, verbs)
    assert_stopped()
  end)

  it("does not break into an undo that is under way already", function()
    local child = waiting_start()
    local rule = site.admin:fault({ effect = "delay", seconds = 0.3, target = "eem",
      match = { verb = "DELETE", nth = 1 } })
    child:kill("TERM")
    assert.is_truthy(site_module.wait_until(function()
      return site:seen(rule) > 0
    end))
    local result = site:run({ "stop", "vme2" })
    assert.are.equal(exit_codes.ok, result.code, result.stderr)
    assert.are.equal(exit_codes.cancelled, code_of(child))
    assert_stopped()
  end)

  it("is busy, and says with whom, when start does not give way in time", function()
    local rule = site.admin:fault({ effect = "delay", seconds = NEVER, match = { nth = 1 } })
    local child = launch("start", "vme2")
    assert.is_truthy(site_module.wait_until(function()
      return site:seen(rule) > 0
    end))
    local changes = #site.admin:changes()
    local result = site:run({ "stop", "vme2", "--timeout", "0.4" })
    assert.are.equal(exit_codes.busy, result.code, result.stderr)
    contains(result.stderr, ("takeover start vme2 on ms1, process %d"):format(child:pid()))
    contains(result.stderr, "asked to give way")
    assert.are.equal(changes, #site.admin:changes())
  end)

  it("goes on at once when start is killed meanwhile", function()
    local rule = site.admin:fault({ effect = "delay", seconds = NEVER, target = "eem",
      match = { verb = "PUT", nth = 1 } })
    local child = launch("start", "vme2")
    assert.is_truthy(site_module.wait_until(function()
      return site:seen(rule) > 0
    end))
    local stopping = launch("stop", "vme2")
    assert.is_nil(stopping:wait(0.1))
    child:kill("KILL")
    local began = loop.now()
    assert.are.equal(exit_codes.ok, code_of(stopping))
    assert.is_true(loop.now() - began < 10)
    assert_stopped()
  end)

  it("never signals a process that has the number of an earlier one", function()
    local other = process.start({ "sleep", "60", stdout = "discard", stderr = "discard" })
    children[1] = other
    local path = site.directory .. "/ms1/locks"
    fs.make_directory(path)
    local lock = assert(fs.lock(path .. "/vme2", ("someone\ncommand=start pid=%d started=%d\n")
      :format(other:pid(), process.started(other:pid()) + 1)))
    local result = site:run({ "stop", "vme2", "--timeout", "0.4" })
    lock:release()
    assert.are.equal(exit_codes.busy, result.code)
    contains(result.stderr, "someone")
    assert.is_nil(other:wait(0.02))
  end)

  it("asks no stop, recover or prepare to end", function()
    for _, command in ipairs({ "stop", "recover", "prepare" }) do
      local other = process.start({ "sleep", "60", stdout = "discard", stderr = "discard" })
      children[#children + 1] = other
      fs.make_directory(site.directory .. "/ms1/locks")
      local lock = assert(fs.lock(site.directory .. "/ms1/locks/vme2",
        ("someone\ncommand=%s pid=%d started=%d\n"):format(command, other:pid(),
          process.started(other:pid()))))
      local result = site:run({ "stop", "vme2", "--wait", "0" })
      lock:release()
      assert.are.equal(exit_codes.busy, result.code)
      assert.is_nil(other:wait(0.02))
    end
  end)

  it("keeps a start that comes meanwhile out, or lets it wait", function()
    assert.are.equal(exit_codes.ok, site:run({ "start", "vme2" }).code)
    local rule = site.admin:fault({ effect = "delay", seconds = 0.3, target = "ms1",
      match = { nth = 1 } })
    local stopping = launch("stop", "vme2")
    assert.is_truthy(site_module.wait_until(function()
      return site:seen(rule) > 0
    end))
    local refused = site:run({ "start", "vme2" })
    assert.are.equal(exit_codes.busy, refused.code)
    contains(refused.stderr, ("takeover stop vme2 on ms1, process %d, since"):format(
      stopping:pid()))
    local result = site:run({ "start", "vme2", "--wait", "30" })
    assert.are.equal(exit_codes.ok, result.code, result.stderr)
    assert.are.equal(exit_codes.ok, code_of(stopping))
    assert.are.same({ "ms1" }, site:vm().running)
  end)

  it("shuts the machine down properly when start is past its point of no return", function()
    site.admin:admin("guest", { vm = "vme2", silent = true })
    local child = site:start({ "start", "vme2" }, { stdout = "pipe" })
    children[1] = child
    assert(site_module.wait_until(function()
      return site:vm().running[1] == "ms1"
    end))
    -- EEM is slow: stop comes while the last look is on the wire
    local rule = site.admin:fault({ effect = "delay", seconds = 3, target = "eem", times = 1,
      match = { verb = "GET" } })
    site.admin:admin("guest", { vm = "vme2", silent = false })
    repeat
      local line = child:read_line({ timeout = 30 })
      assert.is_truthy(line, "start has ended")
    until line:find("VM's heartbeat seen", 1, true)
    local stopping = launch("stop", "vme2")
    local said = {}
    for line in function() return child:read_line({ timeout = 30 }) end do
      said[#said + 1] = line
    end
    assert.are.equal(exit_codes.not_undone, code_of(child), table.concat(said, "\n"))
    contains(table.concat(said, "\n"), "past the point of no return")
    assert.is_true(site:seen(rule) > 0)
    assert.are.equal(exit_codes.ok, code_of(stopping))
    for _, change in ipairs(site:changes()) do
      assert.is_nil(change:find("turn off", 1, true), change)
    end
    assert.are.same({}, site:vm().running)
  end)
end)
