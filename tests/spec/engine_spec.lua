local failover = require("failover")
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local engine = require("failover.engine")
local journal_writer = require("failover.engine.journal_writer")
local recorder = require("failover.engine.recorder")
local quarantine = require("failover.devices.quarantine")
local scheduler = require("core.scheduler")
local loop = require("loop")
local virtual_clock = require("core.virtual_clock")

local step, together = failover.step, failover.together

local function context()
  local c = {
    ecx = {}, node = "ms1", vm_name = "vme2", warnings = {},
    observer = { changes = 0, answers = {} }, quarantine = quarantine.open({}),
    notes = {} }
  c.journal = journal_writer.new(nil)
  function c:note(text)
    self.notes[#self.notes + 1] = text
  end
  return c
end

-- Runs a list of steps on virtual time. Gives the result, the context and the seconds that passed.
local function run(list, options)
  options = options or {}
  local c = options.context or context()
  local clock = virtual_clock.new(1000)
  local ok, result = scheduler.with_driver(clock, function()
    local task = scheduler.current()
    if options.meanwhile then
      scheduler.spawn(options.meanwhile, task)
    end
    return engine.run({
      sequence = failover.sequence "test"(list), context = c, command = "start",
      deadline = options.deadline or 600, listener = options.listener,
    })
  end)
  assert(ok, tostring(result))
  return result, c, clock.now() - 1000
end

-- A fact kept in `world[key]`.
local function fact(world, key, more)
  local fields = {
    holds = function()
      return world[key] == true, key .. " is not so"
    end,
    act = function(c)
      c.observer.changes = c.observer.changes + 1
      world[key] = true
      world.log[#world.log + 1] = "do " .. key
    end,
    undo = function()
      world[key] = nil
      world.log[#world.log + 1] = "undo " .. key
    end,
  }
  for name, value in pairs(more or {}) do
    fields[name] = value or nil
  end
  return step(key)(fields)
end

local function failing(code, more)
  local fields = {
    holds = function()
      return false
    end,
    act = function()
      failure.raise({ code = code, message = "it broke" })
    end,
  }
  for name, value in pairs(more or {}) do
    fields[name] = value
  end
  return step "fails"(fields)
end

describe("the engine", function()
  local world
  before_each(function()
    world = { log = {} }
  end)

  it("passes over a fact that holds already", function()
    world.a = true
    local result = run({ fact(world, "a") })
    assert.equal("succeeded", result.state)
    assert.equal("already", result.steps[1].state)
    assert.same({}, world.log)
  end)

  it("acts, and looks before it calls a step done", function()
    local result = run({ fact(world, "a"), fact(world, "b") })
    assert.equal("succeeded", result.state)
    assert.equal("done", result.steps[2].state)
    assert.same({ "do a", "do b" }, world.log)
  end)

  it("says what was seen last when a look comes too late for its native", function()
    local never = step "never"({
      within = 30,
      holds = function()
        if scheduler.now() >= 1030 then -- as natives do when their task's time is over
          failure.raise({ code = "DEADLINE", message = "no time is left for this call" })
        end
        return false, "still not so"
      end,
    })
    local result = run({ never })
    assert.equal("NOT_REACHED", result.failure.code)
    assert.is_truthy(result.failure.message:find("still not so", 1, true))
  end)

  it("does not believe an act that changes nothing, and takes back what was made", function()
    local lie = step "lie"({
      within = 30,
      holds = function()
        return false, "still not so"
      end,
      act = function() end,
    })
    local result, _, took = run({ fact(world, "a"), fact(world, "b"), lie })
    assert.equal("failed", result.state)
    assert.equal("NOT_REACHED", result.failure.code)
    assert.truthy(result.failure.message:find("still not so", 1, true))
    assert.truthy(took >= 30 and took < 32)
    assert.same({ "do a", "do b", "undo b", "undo a" }, world.log)
    assert.is_true(result.undone)
  end)

  it("repeats only transient failures, with growing pauses", function()
    local times = {}
    local flaky = step "flaky"({
      retry = { times = 3, backoff = 1 },
      holds = function()
        return #times == 3
      end,
      act = function()
        times[#times + 1] = scheduler.now()
        if #times < 3 then
          failure.raise({ code = "EEM_SERVER", message = "try later" })
        end
      end,
    })
    local result = run({ flaky })
    assert.equal("succeeded", result.state)
    assert.equal(3, result.steps[1].attempts)
    assert.equal(1, times[2] - times[1])
    assert.equal(2, times[3] - times[2])
  end)

  it("repeats what passes while the run has time, whatever retry says, and not longer", function()
    local tries = 0
    local busy = failing("WMI_TIMEOUT", {
      within = 5, retry = { times = 1, backoff = 1 },
      act = function()
        tries = tries + 1
        failure.raise({ code = "HYPERV_IN_USE", message = "busy" })
      end,
    })
    local result, c, took = run({ fact(world, "a"), busy, fact(world, "b", { least = 100 }) },
      { deadline = 1000 })
    assert.equal("HYPERV_IN_USE", result.failure.code)
    assert.truthy(tries > 20)
    assert.truthy(took > 700 and took <= 790, "took " .. took) -- of 880 the last step keeps 100
    assert.same({ "do a", "undo a" }, world.log)
    assert.truthy(c.notes[1]:find("asked again for up to", 1, true))
  end)

  it("bears a look that fails passingly, and gives the fact its time anew", function()
    local late = step "late"({
      within = 10,
      holds = function()
        if scheduler.now() < 1300 then
          failure.raise({ code = "EEM_UNREACHABLE", message = "down" })
        end
        return scheduler.now() >= 1305
      end,
    })
    assert.equal("succeeded", run({ late }).state)
  end)

  it("waits for ExpEther Manager as long as the parameters say", function()
    local c = context()
    c.parameters = { eem = { wait = 40 } }
    local down = step "down"({
      within = 10,
      holds = function()
        failure.raise({ code = "EEM_UNREACHABLE", message = "down" })
      end,
    })
    local result, _, took = run({ down }, { context = c })
    assert.equal("EEM_UNREACHABLE", result.failure.code)
    assert.truthy(took >= 40 and took < 42, "took " .. took)
  end)

  it("looks for a while before it repeats what may have happened", function()
    local calls = {}
    local unanswered = step "unanswered"({
      holds = function()
        return #calls == 2
      end,
      act = function()
        calls[#calls + 1] = scheduler.now()
        failure.raise({ code = "WMI_UNREACHABLE", message = "broke off", maybe_executed = true })
      end,
    })
    assert.equal("succeeded", run({ unanswered }).state)
    assert.truthy(calls[2] - calls[1] >= 15)
  end)

  it("takes the quick way again and again, and says why it was taken", function()
    local tries = 0
    local off = step "off"({
      within = math.huge, grace = 20,
      holds = function()
        return tries == 9
      end,
      act = function()
        failure.raise({ code = "WMI_FAULT", message = "quota", transient = true })
      end,
      quick = function()
        tries = tries + 1
        failure.raise({ code = "HYPERV_STATE", message = "a backup" })
      end,
    })
    local result, c = run({ off })
    assert.equal("succeeded", result.state)
    assert.truthy(c.notes[1]:find("could not be asked for within its grace of 20 s: .*quota"))
  end)

  it("lets an act take a share of the run, or what the step says", function()
    local function slow(more)
      local fields = {
        within = 5,
        holds = function()
          return world.done
        end,
        act = function()
          local deadline = scheduler.current().deadline
          world.had = deadline - scheduler.now()
          world.done = true
        end,
      }
      for name, value in pairs(more) do
        fields[name] = value
      end
      world.done = nil
      run({ step "slow"(fields) }, { deadline = 1000 })
      return world.had
    end
    assert.equal(88, math.floor(slow({}))) -- of 880
    assert.equal(880, math.floor(slow({ lasts = math.huge })))
    assert.equal(440, math.floor(slow({ lasts = function(_, left) return left / 2 end })))
  end)

  it("does not repeat a failure that is not transient", function()
    local result = run({ fact(world, "a"), failing("EEM_AUTH", { retry = { times = 5,
      backoff = 1 } }) })
    assert.equal("EEM_AUTH", result.failure.code)
    assert.equal(1, result.steps[2].attempts)
    assert.same({ "do a", "undo a" }, world.log)
  end)

  it("looks whether an unanswered change has happened", function()
    local unanswered = step "unanswered"({
      holds = function()
        return world.b == true
      end,
      act = function()
        world.b = true
        failure.raise({ code = "WMI_TIMEOUT", message = "no answer", maybe_executed = true })
      end,
    })
    local result = run({ unanswered })
    assert.equal("succeeded", result.state)
    assert.equal("done", result.steps[1].state)
  end)

  it("takes the quick way when the grace is over", function()
    local off = step "off"({
      within = 100, grace = 20,
      holds = function()
        return world.off == true
      end,
      act = function() end,
      quick = function()
        world.off = scheduler.now() and true
      end,
    })
    local result, c, took = run({ off })
    assert.equal("succeeded", result.state)
    assert.truthy(took >= 20 and took < 22)
    assert.truthy(c.notes[1]:find("quick way", 1, true))
  end)

  it("takes the quick way early when later steps need the time", function()
    local off = step "off"({
      within = 1000, grace = 1000, least = 5,
      holds = function()
        return world.off == true
      end,
      act = function() end,
      quick = function()
        world.off = true
      end,
    })
    local result, c, took = run({ off, fact(world, "later", { least = 20 }) }, { deadline = 50 })
    assert.equal("succeeded", result.state)
    assert.truthy(took < 20, "took " .. took)
    assert.truthy(c.notes[1]:find("are left", 1, true))
  end)

  it("advances branches side by side", function()
    local function slow(key)
      return fact(world, key, {
        act = function()
          scheduler.sleep(10)
          world[key] = true
        end,
      })
    end
    local result, _, took = run({ together { { slow("a") }, { slow("b"), slow("c") } } })
    assert.equal("succeeded", result.state)
    assert.truthy(took >= 20 and took < 21, "took " .. took)
  end)

  it("stops the other branches when one fails, and takes back newest first", function()
    local waits = step "waits"({
      within = 300,
      holds = function()
        return false
      end,
    })
    local late = failing("EEM_AUTH", {
      act = function()
        scheduler.sleep(5)
        failure.raise({ code = "EEM_AUTH", message = "no" })
      end,
    })
    local result, _, took = run({
      fact(world, "a"), together { { fact(world, "b"), late }, { fact(world, "c"), waits } },
    })
    assert.equal("EEM_AUTH", result.failure.code)
    assert.truthy(took < 7, "took " .. took)
    assert.same({ "do a", "do b", "do c", "undo c", "undo b", "undo a" }, world.log)
  end)

  it("goes on after an optional step that fails, with a warning", function()
    local result = run({ failing("EEM_AUTH", { optional = true }), fact(world, "a") })
    assert.equal("succeeded", result.state)
    assert.equal(1, #result.warnings)
    assert.same({ "do a" }, world.log)
  end)

  it("ends inside the deadline of the whole run, undo included", function()
    local never = step "never"({
      within = 10000,
      holds = function()
        return false, "not yet"
      end,
    })
    local result, _, took = run({ fact(world, "a"), never }, { deadline = 100 })
    assert.equal("DEADLINE", result.failure.code)
    assert.truthy(took <= 100, "took " .. took)
    assert.same({ "do a", "undo a" }, world.log)
  end)

  it("tries an undo again while its share of the time lasts", function()
    local tries = 0
    local result = run({ fact(world, "a", {
      undo = function()
        tries = tries + 1
        if tries < 6 then
          failure.raise({ code = "WMI_UNREACHABLE", message = "restarting" })
        end
        world.a = nil
      end,
    }), failing("EEM_AUTH") })
    assert.is_true(result.undone)
    assert.equal(6, tries)
  end)

  it("says when undo did not succeed", function()
    local stubborn = fact(world, "a", {
      undo = function()
        failure.raise({ code = "EEM_REFUSED", message = "no" })
      end,
    })
    local ineffective = fact(world, "b", { undo = function() end })
    local result = run({ stubborn, ineffective, failing("EEM_AUTH") })
    assert.is_false(result.undone)
    assert.equal("failed", result.undo[1].state)
    assert.equal("failed", result.undo[2].state)
  end)

  it("undoes and says cancelled when it is asked to stop", function()
    local waits = step "waits"({
      within = 300,
      holds = function()
        return false
      end,
    })
    local result = run({ fact(world, "a"), waits }, {
      meanwhile = function(task)
        scheduler.sleep(3)
        scheduler.cancel(task, failure.new({ code = "CANCELLED", message = "stopped by SIGTERM" }))
      end,
    })
    assert.equal("cancelled", result.state)
    assert.same({ "do a", "undo a" }, world.log)
  end)

  it("takes back nothing that was made up to the point of no return", function()
    local facts = { log = {} }
    local result, c = run({
      fact(facts, "a"), fact(facts, "b", { commits = true }), fact(facts, "c"), failing("REFUSED"),
    })
    assert.same({ "do a", "do b", "do c", "undo c" }, facts.log)
    assert.is_false(result.undone)
    assert.equal("b", result.committed)
    assert.equal(12, exit_codes.of_result(result))
    assert.equal('past the point of no return ("b"): left as it is', c.notes[#c.notes])
  end)

  it("asks a function where the point of no return is", function()
    for _, commits in ipairs({ true, false }) do
      local facts = { log = {} }
      local result = run({ fact(facts, "a", { commits = function() return commits end }),
        failing("REFUSED") })
      assert.same(commits and { "do a" } or { "do a", "undo a" }, facts.log)
      assert.equal(not commits, result.undone)
    end
  end)

  it("passes the point of no return also where the fact holds already", function()
    local facts = { log = {}, b = true }
    run({ fact(facts, "a"), fact(facts, "b", { commits = true }), failing("REFUSED") })
    assert.same({ "do a" }, facts.log)
  end)

  it("does not pass the point of no return when its step fails or is skipped", function()
    local facts = { log = {} }
    assert.is_true(run({ fact(facts, "a"), failing("REFUSED", { commits = true }) }).undone)
    local result = run({ fact(facts, "a"),
      fact(facts, "b", { commits = true, when = function() return false end }),
      failing("REFUSED") })
    assert.is_true(result.undone)
    assert.is_nil(result.committed)
  end)

  it("has nothing to leave past the point of no return when all was so already", function()
    local facts = { log = {}, a = true, b = true }
    local result = run({ fact(facts, "a"), fact(facts, "b", { commits = true }),
      failing("REFUSED") })
    assert.is_nil(result.undone)
    assert.equal(10, exit_codes.of_result(result))
  end)

  it("leaves things as they are when it is cancelled past the point of no return", function()
    local facts = { log = {} }
    local result = run({ fact(facts, "a", { commits = true }),
      step "waits" { holds = function() return false end, within = 100 } }, {
      meanwhile = function(task)
        scheduler.sleep(5)
        scheduler.cancel(task, failure.new({ code = "CANCELLED", message = "stopped by SIGTERM" }))
      end,
    })
    assert.equal("cancelled", result.state)
    assert.same({ "do a" }, facts.log)
    assert.equal(12, exit_codes.of_result(result))
  end)

  it("warns of what could not be told, and fails of what was seen not to hold", function()
    local function last(holds)
      return run({ step "last look" { optional = "unknown", within = 20, holds = holds } })
    end
    local function silent()
      failure.raise({ code = "EEM_UNREACHABLE", message = "no answer" })
    end
    local result = last(silent)
    assert.equal("succeeded", result.state)
    assert.equal(1, #result.warnings)
    assert.equal("failed", last(function() return false, "no" end).state)
    local looks = 0
    assert.equal("failed", last(function()
      looks = looks + 1
      if looks > 1 then
        silent()
      end
      return false, "no"
    end).state)
    assert.equal("failed", last(function()
      failure.raise({ code = "EEM_AUTH", message = "wrong password" })
    end).state)
  end)

  it("cancels the branches of a group, too", function()
    local waits = step "waits"({
      within = 300,
      holds = function()
        return false
      end,
    })
    local result = run({ together { { fact(world, "a"), waits }, { fact(world, "b"), waits } } }, {
      meanwhile = function(task)
        scheduler.sleep(3)
        scheduler.cancel(task, failure.new({ code = "CANCELLED", message = "stopped by SIGTERM" }))
      end,
    })
    assert.equal("cancelled", result.state)
    assert.same({ "do a", "do b", "undo b", "undo a" }, world.log)
  end)

  it("stops a script that never waits, names its line and undoes", function()
    local stuck = step "stuck"({
      holds = function()
        while true do
          pcall(function()
            while true do
              world.spin = true
            end
          end)
        end
      end,
    })
    loop.watchdog(0.05)
    local result = run({ fact(world, "a"), stuck })
    loop.watchdog(0)
    assert.equal("SCRIPT_STUCK", result.failure.code)
    assert.truthy(result.failure.where:find("engine_spec.lua:%d+"))
    assert.same({ "do a", "undo a" }, world.log)
  end)

  it("reports a script's error with the line in the script", function()
    local wrong = step "wrong"({
      holds = function()
        return world.nothing.here
      end,
    })
    local result = run({ wrong })
    assert.equal("SCRIPT_ERROR", result.failure.code)
    assert.truthy(result.failure.where:find("engine_spec.lua:%d+"))
  end)

  it("passes over a step whose condition is not met", function()
    local result = run({ fact(world, "a", { when = function() return false end }) })
    assert.equal(0, #result.steps)
  end)

  it("tells a step its end once, with the failure or none and the time it took", function()
    local told = {}
    local function ended(_, failed, took)
      told[#told + 1] = { failed and failed.code or "none", math.floor(took) }
    end
    run({
      fact(world, "a", { ended = ended }),
      step "b" {
        within = 7, ended = ended,
        holds = function()
          return false
        end,
      },
    })
    assert.same({ { "none", 0 }, { "NOT_REACHED", 7 } }, told)
  end)

  it("goes on with a warning when what a step does at its end raises", function()
    local result = run({
      fact(world, "a", {
        ended = function()
          error("oh")
        end,
      }),
    })
    assert.equal("succeeded", result.state)
    assert.truthy(result.warnings[1]:find("oh", 1, true))
  end)

  it("plans without changing anything", function()
    local c = context()
    world.a = true
    local _, plan = scheduler.with_driver(virtual_clock.new(0), function()
      return engine.plan({
        sequence = failover.sequence "test" { fact(world, "a"), fact(world, "b") }, context = c,
      })
    end)
    assert.equal("already", plan[1].state)
    assert.equal("would", plan[2].state)
    assert.same({}, world.log)
  end)
end)

describe("a watched native", function()
  it("refuses a change while a step only looks", function()
    local handle = {
      disconnect = function() return true end,
      device = function() return {} end,
    }
    local observer = { changes = 0, answers = {}, calls = {}, call = function(self,
      call) self.calls[#self.calls + 1] = call end }
    local eem = recorder.watch("eem", handle, nil, observer)
    local looking = step "looks"({
      holds = function()
        eem:device("0x1")
        eem:device("0x1")
        eem:disconnect("0x1")
        return true
      end,
    })
    local result = run({ looking })
    assert.equal("SCRIPT_ERROR", result.failure.code)
    assert.truthy(result.failure.message:find("eem:disconnect", 1, true))
    assert.equal(1, #observer.calls) -- the same question is asked once in one look
    assert.equal(0, observer.changes)
  end)

  it("counts changes and passes failures on", function()
    local handle = {
      connect = function() return true end,
      disconnect = function() return false end,
      audit = function() failure.raise({ code = "EEM_TIMEOUT", message = "?",
        maybe_executed = true }) end,
    }
    local observer = { changes = 0, answers = {}, call = function() end }
    local eem = recorder.watch("eem", handle, nil, observer)
    eem:connect("0x1", 50)
    eem:disconnect("0x1")
    assert.equal(1, observer.changes)
    local _, failed = failover.try(eem.audit, eem, "0x1")
    assert.equal("EEM_TIMEOUT", failed.code)
    assert.equal(2, observer.changes)
    assert.has_error(function() return eem.nonsense end)
  end)

  it("names the node in every failure, also where only changes are told", function()
    local handle = {
      vms = function() failure.raise({ code = "WMI_ACCESS", message = "access denied" }) end,
      start = function() failure.raise({ code = "WMI_FAULT", message = "refused" }) end,
    }
    for _, only_changes in ipairs({ false, true }) do
      local told
      local observer = { changes = 0, answers = {}, only_changes = only_changes,
        call = function(_, call) told = call.failure end }
      local hyperv = recorder.watch("hyperv", handle, "ms2", observer)
      local _, failed = failover.try(hyperv.vms, hyperv)
      assert.equal("ms2", failed.node)
      _, failed = failover.try(hyperv.start, hyperv, "x")
      assert.equal("WMI_FAULT: ms2: refused", tostring(failed))
      assert.equal("ms2", told.node)
    end
    local ok, failed = pcall(recorder.open, "hyperv", "ms2", { call = function() end }, function()
      failure.raise({ code = "CONFIG", message = "a bad url" })
    end)
    assert.is_false(ok)
    assert.equal("ms2", failed.node)
  end)

  it("names no node in what ends a run", function()
    local shared = failure.new({ code = "CANCELLED", message = "told to end" })
    local observer = { changes = 0, answers = {}, call = function() end }
    local hyperv = recorder.watch("hyperv", { vms = function() error(shared, 0) end }, "ms2",
      observer)
    assert.has_error(function() hyperv:vms() end)
    assert.is_nil(shared.node)
  end)
end)

describe("what an administrator writes", function()
  local function message(fn)
    local ok, text = pcall(fn)
    assert.is_false(ok)
    return tostring(text)
  end

  it("is refused with its line and the known fields", function()
    local text = message(function()
      step "x" { hold = function() end }
    end)
    assert.truthy(text:find("engine_spec.lua:%d+"), text)
    assert.truthy(text:find('no field "hold"', 1, true))
    assert.truthy(text:find("holds", 1, true))
  end)

  it("is refused when a fact cannot be seen", function()
    assert.truthy(message(function()
      step "x" { act = function() end }
    end):find("needs holds", 1, true))
  end)

  it("is refused when a step is missing in a sequence", function()
    local a = step "a" { holds = function() return true end }
    local text = message(function()
      failover.sequence "s" { a, nil, a }
    end)
    assert.truthy(text:find("entry 2 is nil", 1, true), text)
    assert.truthy(text:find("engine_spec.lua:%d+"), text)
    assert.has_error(function() failover.sequence "s" {} end)
    assert.has_error(function() together { { a, "b" } } end)
  end)

  it("is refused when a step's name is misspelt", function()
    local text = message(function()
      return require("failover.steps.gpu").conected
    end)
    assert.truthy(text:find('no step "gpu.conected"', 1, true), text)
  end)

  it("may change single fields of a step", function()
    local a = step "a" { holds = function() return true end, within = 5 }
    local b = failover.with(a, { optional = true })
    assert.equal("a", b.name)
    assert.equal(5, b.within)
    assert.is_true(b.optional)
    assert.has_error(function() failover.with(a, { optinal = true }) end)
  end)
end)
