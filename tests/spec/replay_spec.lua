-- takeover replay: runs of the real program against a lab over HTTP, played again from their
-- journal; an edited sequence is told apart; an exported run is a scenario.
local answers = require("lab.replay.answers")
local exit_codes = require("core.exit_codes")
local fs = require("fs")
local json = require("json")
local replay = require("lab.replay")
local replay_clock = require("lab.replay.clock")
local scheduler = require("core.scheduler")
local site_module = require("support.site")

local contains = site_module.contains
-- Some milliseconds for everything, so that branches overlap.
local LATENCY = {
  link = 0.06, unlink = 0.01, enumerate = 0.03, dismount = 0.01, mount = 0.01, list_lag = 0.01,
  assign = 0.01, remove = 0.01, modify = 0.01, import = 0.01, validate = 0.01, realize = 0.01,
  destroy = 0.01, export = 0.01, start = 0.01, turn_off = 0.01, boot = 0.05, shutdown = 0.05,
  node_boot = 0.05,
}
local UNKNOWN = { vme2 = { registered = json.array({}) } } -- start has most to do

local site

-- The sequence that is shipped, with one text replaced, in a folder for --lua-path.
local function edited(name, from, to)
  local path = package.searchpath("failover.sequences." .. name, package.path)
  local text, count = fs.read(path):gsub(from:gsub("%p", "%%%0"), (to:gsub("%%", "%%%%")))
  assert.are.equal(1, count)
  return site:write(("edit/failover/sequences/%s.lua"):format(name), text):match("^(.*)/failover/")
end

local function history(run)
  return json.decode(site:run({ "history", "--run", tostring(run), "--json" }).stdout)
end

-- Plays the run again. Gives what the command says and its exit code.
local function play(run, options)
  local result = site:run({ "replay", tostring(run), "--json" }, options)
  return json.decode(result.stdout), result.code
end

-- The replay of a run must come out as the run did.
local function same(run)
  local said, code = play(run)
  assert.is_nil(said.difference and said.difference.text)
  assert.are.equal(0, code)
  local recorded = history(run)
  assert.is_true(#recorded.steps > 0)
  assert.are.equal(#recorded.calls, said.calls)
  for i, step in ipairs(recorded.steps) do
    local got = said.steps[i]
    if step.state then
      assert.are.same({ step.name, step.branch, step.state, step.attempts, step.message },
        { got.name, got.branch, got.state, got.attempts, got.message })
    end
  end
  return recorded, said
end

before_each(function()
  site = site_module.open({ latency = LATENCY, vms = UNKNOWN })
end)

after_each(function()
  site:close()
end)

describe("the replay of a run", function()
  it("that succeeded is the same, step by step, and asks nobody", function()
    assert.are.equal(0, site:run({ "start", "vme2" }).code)
    assert.are.equal(0, site:run({ "stop", "vme2" }).code)
    local made = #site:changes()
    site.lab:stop() -- nobody is there any more
    local recorded, said = same(1)
    assert.is_true(made > 5)
    assert.are.equal("ok", said.exit)
    -- As long as it took, up to what the program itself computed and the journal's first row took.
    assert.is_true(math.abs(said.took - recorded.run.took) < 1)
    assert.is_true(said.took > LATENCY.link + LATENCY.boot)
    same(2)
  end)

  it("that failed and was undone is the same", function()
    site.admin:fault({
      target = "ms1", match = { method = "AddResourceSettings" }, effect = "error", times = 9,
      hresult = 0x80041003, text = "access denied",
    })
    assert.are.equal(exit_codes.failed, site:run({ "start", "vme2" }).code)
    local recorded, said = same(1)
    assert.are.equal("failed", said.exit)
    local undone = 0
    for _, step in ipairs(recorded.steps) do
      undone = undone + (step.name:find("^undo: ") and step.state == "undone" and 1 or 0)
    end
    assert.is_true(undone >= 2)
  end)

  it("whose answers were lost, late and wrong is the same", function()
    for _, fault in ipairs({
      { target = "eem", match = { verb = "PUT", nth = 1 }, effect = "drop after" },
      { target = "eem", match = { verb = "GET", nth = 3 }, effect = "error", http = 503 },
      { target = "ms1", match = { class = "Win32_PnPEntity", nth = 2 }, effect = "delay",
        seconds = 0.05 },
      { target = "ms1", match = { method = "RequestStateChange", nth = 1 }, effect = "drop after" },
      { target = "ms2", match = {}, effect = "unreachable", times = 1 },
    }) do
      site.admin:fault(fault)
    end
    site:run({ "start", "vme2" })
    local failures = 0
    for _, call in ipairs((same(1)).calls) do
      failures = failures + (call.failure and 1 or 0)
    end
    assert.is_true(failures > 0)
  end)

  it("that could not open a connection is the same", function()
    fs.remove(site.directory .. "/ms1/secrets/lab")
    assert.are.equal(exit_codes.configuration, site:run({ "start", "vme2" }).code)
    local recorded = same(1)
    assert.are.equal("open", recorded.calls[#recorded.calls].verb)
  end)

  -- Starts, and does something to the process once the GPU is this node's.
  local function disturbed(signal)
    site.admin:set_latency({ link = 0.5 })
    local child = site:start({ "start", "vme2" })
    site_module.wait_until(function()
      return site:gpu().group_id == 50
    end)
    child:kill(signal)
    local result = child:wait(20)
    child:close()
    return result
  end

  it("that was told to end is the same, with the signal at its moment", function()
    assert.are.same({ code = exit_codes.cancelled }, disturbed("TERM"))
    local recorded, said = same(1)
    assert.are.equal("cancelled", said.exit)
    assert.are.equal("cancelled", recorded.run.state)
  end)

  it("that gave way to a stop is the same, and so is the stop", function()
    site.admin:set_latency({ link = 0.5 })
    local child = site:start({ "start", "vme2" })
    site_module.wait_until(function()
      return site:gpu().group_id == 50
    end)
    assert.are.equal(0, site:run({ "stop", "vme2" }).code)
    child:wait(20)
    child:close()
    assert.are.equal("cancelled", same(1).run.state)
    assert.are.equal(1, #same(2).notes)
  end)

  it("that was killed goes up to where its record ends", function()
    assert.are.equal(9, disturbed("KILL").signal)
    local _, said = same(1)
    assert.are.equal("killed", said.exit)
    assert.is_true(said.killed)
  end)

  it("works from a copy of the journal, without parameters", function()
    assert.are.equal(0, site:run({ "start", "vme2" }).code)
    local result = site:run({ "replay", "1", "--journal", site.directory .. "/ms1/journal.db" },
      { state = "/nowhere", env = { TAKEOVER_PARAMETERS = "/nowhere.lua" } })
    assert.are.equal(0, result.code, result.stderr)
    contains(result.stdout, "the same: ")
  end)

  it("is not possible where it was not recorded, and says so", function()
    site:parameters({ more = "record = false," })
    assert.are.equal(0, site:run({ "start", "vme2" }).code)
    for _, call in ipairs(history(1).calls) do
      assert.is_nil(call.kind == "look" and call.answer or nil)
      assert.is_nil(call.extra)
    end
    local result = site:run({ "replay", "1" })
    assert.are.equal(exit_codes.configuration, result.code)
    contains(result.stderr, "record = false")
    result = site:run({ "replay", "7" })
    assert.are.equal(exit_codes.configuration, result.code)
    contains(result.stderr, "there is no run 7")
    assert.are.equal(exit_codes.usage, site:run({ "replay", "last" }).code)
  end)

  it("needs no secret, and the journal has none", function()
    assert.are.equal(0, site:run({ "start", "vme2" }).code)
    for _, file in ipairs({ "/journal.db", "/journal.db-wal" }) do
      local path = site.directory .. "/ms1" .. file
      local text = fs.find(path) and fs.read(path) or ""
      assert.is_nil(text:find(site_module.PASSWORD, 1, true))
      assert.is_true(file ~= "/journal.db" or text:find('"secret":"lab"', 1, true) ~= nil)
    end
    fs.remove(site.directory .. "/ms1/secrets/lab")
    same(1)
  end)
end)

describe("the replay of an edited sequence", function()
  before_each(function()
    assert.are.equal(0, site:run({ "start", "vme2" }).code)
  end)

  it("names the step that the run did not come to, and the file", function()
    local root = edited("start", "vm.running,\n", "vm.healthy,\n  vm.running,\n")
    local said, code = play(1, { lua_path = root })
    assert.are.equal(exit_codes.failed, code)
    contains(said.difference.text, 'comes to "VM\'s heartbeat seen"')
    contains(said.difference.text, 'where the run came to "VM running"')
    assert.are.same({ "failover.sequences.start" }, said.changed_files)
    assert.is_true(said.difference.at > 0)
  end)

  it("names the question that the run did not ask", function()
    local root = edited("start", "return failover.sequence", [[
local known = failover.with(vm.known, { holds = function(c)
  return #c.hyperv:disks("somebody") > 0
end })
vm = setmetatable({ known = known }, { __index = vm })
return failover.sequence]])
    local said, code = play(1, { lua_path = root })
    assert.are.equal(exit_codes.failed, code)
    contains(said.difference.text, "asks something that the run did not ask: "
      .. 'hyperv:disks("somebody") on ms1, where the run asked ')
  end)

  it("names what is not asked any more", function()
    local root = edited("start", "gpu.in_service,\n", "")
    local said, code = play(1, { lua_path = root })
    assert.are.equal(exit_codes.failed, code)
    contains(said.difference.text, "does not")
  end)
end)

describe("an exported run", function()
  local function export()
    site.admin:fault({
      target = "ms1", match = { method = "AddResourceSettings" }, effect = "error", times = 9,
      hresult = 0x80041003, text = "access denied",
    })
    assert.are.equal(exit_codes.failed, site:run({ "start", "vme2" }).code)
    local file = site.directory .. "/incident.lua"
    local result = site:run({ "replay", "1", "--export", file })
    assert.are.equal(0, result.code, result.stderr)
    return file, file:gsub("%.lua$", ".record.json")
  end

  it("is a scenario that passes, and fails when the sequence is edited", function()
    local file = export()
    local result = site:run({ "test", "--trace", file })
    assert.are.equal(0, result.code, result.stdout)
    contains(result.stdout, "undone")
    contains(fs.read(file), 'exit = "failed"')
    local root = edited("start", "vm.known,\n", "")
    result = site:run({ "test", file }, { lua_path = root })
    assert.are.equal(exit_codes.failed, result.code)
    contains(result.stdout, "incident.lua:4: ")
    contains(result.stdout, "where the run ")
  end)

  it("tells an answer that was not the recorded one", function()
    local file, record_file = export()
    local record = json.decode(fs.read(record_file))
    for _, private in ipairs({ site_module.PASSWORD, '"host"', '"where"', site.directory }) do
      assert.is_nil(fs.read(record_file):find(private, 1, true), private)
    end
    for _, call in ipairs(record.calls) do
      if call.verb == "find_device" then
        call.answer = nil -- EEM does not know it
      end
    end
    fs.write(record_file, json.encode(record))
    local result = site:run({ "test", file })
    assert.are.equal(exit_codes.failed, result.code)
    contains(result.stdout, "after ")
    contains(result.stdout, "in the run it was ")
  end)

  it("names no file of a script that would be run", function()
    local file, record_file = export()
    local record = json.decode(fs.read(record_file))
    record.run.arguments.recording.sequence = site:write("evil.lua", "error('evil')")
    fs.write(record_file, json.encode(record))
    local result = site:run({ "test", file })
    assert.are.equal(exit_codes.failed, result.code)
    contains(result.stdout, "cannot be replayed: its sequence has no name")
  end)
end)

describe("the clock of a replay", function()
  it("ends the waits of one round together, before what they set off", function()
    local clock = replay_clock.new(10)
    local order = {}
    scheduler.with_driver(clock, function()
      local slow = scheduler.spawn(function()
        clock.wait_for_answer(12.5, 4)
        order[#order + 1] = "late"
      end)
      local tasks = { slow }
      for i, ended in ipairs({ 11.2, 11.1 }) do
        tasks[#tasks + 1] = scheduler.spawn(function()
          clock.wait_for_answer(ended, 3)
          order[#order + 1] = "answer " .. i
        end)
      end
      scheduler.join_any(tasks)
      order[#order + 1] = "joined"
      scheduler.join(slow)
    end)
    assert.are.same({ "answer 2", "answer 1", "joined", "late" }, order)
    assert.are.equal(12.5, clock.now())
  end)

  it("goes to what is due first, be it a sleep or an answer", function()
    local clock = replay_clock.new(0)
    local order = {}
    scheduler.with_driver(clock, function()
      local answered = scheduler.spawn(function()
        clock.wait_for_answer(2, 1)
        order[#order + 1] = clock.now()
      end)
      scheduler.sleep(1)
      order[#order + 1] = clock.now()
      scheduler.sleep(5)
      order[#order + 1] = clock.now()
      assert.is_true(answered.done)
    end)
    assert.are.same({ 1, 2, 6 }, order)
  end)
end)

describe("a record", function()
  local function record(call)
    return {
      run = { state = "succeeded", ended = 1, arguments = { recording = {
        sequence = "start", parameters = {}, began = 0,
      } } },
      steps = {}, notes = {}, calls = { call },
    }
  end

  it("with an answer that was left out cannot be replayed", function()
    local call = { native = "hyperv", verb = "vms", target = "ms1", cut = 70000 }
    contains(replay.obstacle(record(call)), "hyperv:vms() on ms1 was not recorded (70000 bytes)")
    call.cut = nil
    assert.is_nil(replay.obstacle(record(call)))
  end)

  it("tells which looks were answered by a look of just before", function()
    local clock = replay_clock.new(0)
    local call = { native = "hyperv", verb = "find_vm", target = "ms1", request = { "x" },
      answer = {}, extra = { hits = 1 }, began = 1, took = 1 }
    for _, open_ended in ipairs({ true, false }) do
      local given = answers.new({ call }, clock, { open_ended = open_ended })
      local hyperv = given:natives().hyperv({ node = "ms1" })
      assert.are.same({ true, false }, { given:fresh(false), given:fresh(true) })
      hyperv:find_vm("x")
      -- a run that ended asked nothing any more, however late it is; of one that was killed
      -- nobody knows
      assert.are.equal(not open_ended, given:fresh(false))
      assert.is_true(given:fresh(true))
    end
  end)

  it("gives answers, second results and failures back as they were", function()
    local failed = { code = "EEM_REFUSED", message = "no", http = 409, transient = true }
    local clock, told = replay_clock.new(0), nil
    local given = answers.new({
      { native = "pnp", verb = "disable", target = "ms1", request = { "x" }, answer = true,
        extra = { more = true }, began = 1, took = 1 },
      { native = "eem", verb = "connect", target = "eem", request = { "0x1", 50 },
        failure = failed, began = 2, took = 1 },
    }, clock, { diverge = function(text)
      told = text
    end })
    local natives = given:natives()
    local pnp, eem = natives.pnp(natives.wmi({}, "ms1")), natives.eem()
    assert.are.same({ true, true }, { pnp:disable("x") })
    local ok, raised = pcall(eem.connect, eem, "0x1", 50)
    assert.is_false(ok)
    assert.are.same({ "EEM_REFUSED", 409, true }, { raised.code, raised.http, raised.transient })
    assert.is_nil(told)
    local co = coroutine.create(function()
      eem:disconnect("0x1")
    end)
    coroutine.resume(co)
    contains(told, 'did not ask: eem:disconnect("0x1"), after the last call')
  end)
end)
