local failure = require("failure")
local fs = require("fs")
local journal = require("journal")
local log = require("log")
local loop = require("loop")
local process = require("process")

local function fails(fn, ...)
  local ok, failed = loop.guard(fn, ...)
  assert.is_false(ok)
  return failed
end

local host = process.run({ "readlink", "/proc/" .. loop.pid() .. "/exe", timeout = 10 })
host = host.stdout:match("[^\n]+")

describe("journal", function()
  local directory, path, j

  -- Runs a script on a journal in a process of its own; gives the process once it has said "ready".
  local function another(text)
    local script = directory .. "/script.lua"
    fs.write(script, ("local j = require('journal').open({ path = %q })\n"):format(path) .. text
      .. "\nprint('ready') io.stdout:flush() require('core.scheduler').sleep(60)")
    local child = process.start({ host, "run", script, stdout = "pipe" })
    assert.equal("ready", child:read_line({ timeout = 20 }))
    return child
  end

  local function call(run, fields)
    local c = {
      run = run, native = "eem", verb = "connect", kind = "change", target = "0x1", began = 1,
      took = 0.5,
    }
    for key, value in pairs(fields or {}) do
      c[key] = value
    end
    j:call(c)
  end

  -- Changes a journal behind our back.
  local function sql(file, text)
    local ok, result = loop.guard(process.run, { "sqlite3", file, text, timeout = 10 })
    if not ok then
      pending("needs the sqlite3 command")
    end
    assert.equal(0, result.code, result.stderr)
  end

  -- A file system with room for one megabyte; unmounted by after_each.
  local function small_disk()
    local small = directory .. "/small"
    fs.make_directory(small)
    local mounted = process.run({ "mount", "-t", "tmpfs", "-o", "size=1m", "none", small,
      timeout = 10 })
    if mounted.code ~= 0 then
      pending("needs the right to mount a small disk")
    end
    return small
  end

  local function fill(disk)
    process.run({ "sh", "-c", "cat /dev/zero > " .. disk .. "/fill", timeout = 10 })
  end

  before_each(function()
    directory = process.run({ "mktemp", "-d", timeout = 10 }).stdout:match("%S+")
    path = directory .. "/state/deep/journal.db"
    j = journal.open({ path = path })
  end)

  after_each(function()
    j:close()
    if fs.find(directory .. "/small") then
      process.run({ "umount", directory .. "/small", timeout = 10 })
    end
    process.run({ "rm", "-rf", directory, timeout = 10 })
  end)

  it("keeps a run with what it was told and when", function()
    local run = j:begin_run({
      command = "start", vm = "vme2", node = "ms1", version = "1", arguments = { "a", "b" },
      environment = { event = "failover" },
    })
    local open = j:runs()[1]
    assert.equal("running", open.state)
    assert.is_nil(open.ended)
    local failed = failure.new({ code = "BUSY", message = "taken" })
    j:end_run(run, { state = "failed", exit_code = 15, message = "no", failure = failed })
    local r = j:runs({ id = run })[1]
    assert.same({ "a", "b" }, r.arguments)
    assert.same({ event = "failover" }, r.environment)
    assert.same({ "start", "vme2", "ms1", "1", "failed", 15, "no", "BUSY" },
      { r.command, r.vm, r.node, r.version, r.state, r.exit_code, r.message, r.failure.code })
    assert.is_true(math.abs(r.began - loop.wall()) < 60)
    assert.is_true(r.took >= 0 and r.took < 60 and r.ended == r.began + r.took)
    assert.equal(loop.pid(), r.pid)
  end)

  it("keeps steps in their order with their results", function()
    local run = j:begin_run({})
    local a = j:begin_step(run, { name = "GPU connected", branch = "1" })
    local b = j:begin_step(run, { name = "VM running" })
    j:end_step(a, { state = "done", attempts = 2, message = "at once" })
    local steps = j:steps(run)
    assert.same({ a, "GPU connected", "1", "done", 2, "at once" },
      { steps[1].id, steps[1].name, steps[1].branch, steps[1].state, steps[1].attempts,
        steps[1].message })
    assert.same({ b, "VM running" }, { steps[2].id, steps[2].name })
    assert.is_nil(steps[2].state)
    assert.is_nil(steps[2].ended)
    assert.same({}, j:steps(run + 1))
  end)

  it("keeps calls with request, answer and failure as they were", function()
    local run = j:begin_run({})
    local step = j:begin_step(run, { name = "s" })
    local failed = failure.new({ code = "EEM_TIMEOUT", message = "m", hint = "h" })
    call(run, { step = step, request = { "0x1", 50 }, answer = true, changed = true })
    call(run, { kind = "look", request = { filter = { 1, 2 } }, answer = { big = 2 ^ 53 | 0 } })
    call(run, { native = "hyperv", failure = failed, changed = false })
    local calls = j:calls(run)
    assert.equal(3, #calls)
    assert.same({ "0x1", 50 }, calls[1].request)
    assert.is_true(calls[1].answer)
    assert.is_true(calls[1].changed)
    assert.equal(step, calls[1].step)
    assert.same({ 1, 0.5 }, { calls[1].began, calls[1].took })
    assert.same({ big = 9007199254740992 }, calls[2].answer)
    assert.is_nil(calls[2].changed)
    assert.is_false(calls[3].changed)
    assert.equal("EEM_TIMEOUT", calls[3].failure.code)
    assert.equal(1, #j:calls(run, { kind = "look" }))
    assert.equal(1, #j:calls(run, { native = "hyperv" }))
    assert.equal(1, #j:calls(run, { step = step }))
    assert.equal(2, #j:calls(run, { limit = 2 }))
  end)

  it("keeps roughly what JSON cannot hold", function()
    local run = j:begin_run({})
    local round = {}
    round.round = round
    call(run, { request = { nil, "second" }, answer = print })
    call(run, { request = round, answer = "\xff" })
    call(run, { answer = ("x"):rep(1000000) })
    local calls = j:calls(run)
    assert.equal("second", calls[1].request["2"])
    assert.matches("function", calls[1].answer)
    assert.is_table(calls[2].request.round)
    assert.matches("too long", calls[3].answer)
    assert.same({ 0, nil, 1000002 }, { calls[1].cut, calls[2].cut, calls[3].cut })
  end)

  it("keeps an answer of 64 KiB, and says of a longer one that it does not", function()
    local run = j:begin_run({})
    local function keep(answer)
      return j:call({
        run = run, native = "eem", verb = "device", kind = "look", began = 1, took = 1,
        answer = answer, branch = "1.2", extra = { turn = 7, woke = { 1.5, 3 } },
      })
    end
    local longest = ("x"):rep(65536 - 2) -- and its quotes
    assert.is_true(keep(longest))
    assert.is_false(keep(longest .. "x"))
    assert.is_true(keep(nil))
    local calls = j:calls(run)
    assert.equal(longest, calls[1].answer)
    assert.equal(65537, calls[2].cut)
    assert.same({ "1.2", { turn = 7, woke = { 1.5, 3 } } }, { calls[3].branch, calls[3].extra })
  end)

  it("keeps remarks", function()
    local run = j:begin_run({})
    j:note(run, "evidence", { word = "ms1 is off" })
    j:note(run, "plain")
    local notes = j:notes(run)
    assert.same({ "evidence", { word = "ms1 is off" } }, { notes[1].text, notes[1].data })
    assert.same({ "plain" }, { notes[2].text, notes[2].data })
  end)

  it("lists runs newest first and filters them", function()
    local a = j:begin_run({ command = "start", vm = "a" })
    local b = j:begin_run({ command = "stop", vm = "a" })
    local c = j:begin_run({ command = "start", vm = "b" })
    local function ids(filter)
      local list = {}
      for _, r in ipairs(j:runs(filter)) do
        list[#list + 1] = r.id
      end
      return list
    end
    assert.same({ c, b, a }, ids())
    assert.same({ b, a }, ids({ vm = "a" }))
    assert.same({ c, a }, ids({ command = "start" }))
    assert.same({ c }, ids({ limit = 1 }))
    assert.same({ b }, ids({ id = b }))
    assert.same({}, ids({ vm = "z" }))
    assert.has_error(function() j:runs({ name = "x" }) end)
  end)

  it("knows how long a step took in successful runs", function()
    local function one(state, result)
      local run = j:begin_run({ command = "start", vm = "v" })
      local step = j:begin_step(run, { name = "VM running" })
      j:end_step(step, { state = state })
      j:end_run(run, { state = result, exit_code = 0 })
      local s = j:steps(run)[1]
      return s.ended - s.began
    end
    local first = one("done", "succeeded")
    one("done", "failed")
    one("already", "succeeded")
    local last = one("done", "succeeded")
    assert.same({ last, first }, j:step_times("v", "start", "VM running", 10))
    assert.same({ last }, j:step_times("v", "start", "VM running", 1))
    assert.same({}, j:step_times("w", "start", "VM running", 10))
  end)

  it("knows how the last connections of devices went", function()
    local run = j:begin_run({ command = "start", vm = "v" })
    local function connect(id, state)
      local step = j:begin_step(run, { name = "GPU connected to this node" })
      call(run, { step = step, native = "eem", verb = "connect", kind = "change", target = id })
      call(run, { step = step, native = "eem", verb = "device", target = id })
      if state then
        j:end_step(step, { state = state })
      end
    end
    connect("0x1", "done")
    connect("0x2", "failed")
    connect("0x3", nil)
    local rows = j:device_times(10)
    assert.same({ { "0x2", "failed" }, { "0x1", "done" } }, {
      { rows[1].device, rows[1].state }, { rows[2].device, rows[2].state },
    })
    assert.equal("number", type(rows[1].took))
    assert.equal(1, #j:device_times(1))
  end)

  it("holds no secret, whatever was told", function()
    log.add_secret("Journal-Secret-771")
    local word = "x Journal-Secret-771"
    local run = j:begin_run({ command = word, arguments = { word }, environment = { [word] = 1 } })
    local step = j:begin_step(run, { name = word, branch = word })
    call(run, { target = word, request = { word }, answer = word, failure = { message = word } })
    j:end_step(step, { state = "done", message = word, failure = { word } })
    j:note(run, word, word)
    j:end_run(run, { state = "failed", exit_code = 1, message = word, failure = { word } })
    j:close()
    for _, name in ipairs(fs.list(directory .. "/state/deep")) do
      local text = fs.read(directory .. "/state/deep/" .. name)
      assert.is_nil(text:find("Journal-Secret", 1, true), name)
    end
    j = journal.open({ path = path })
    assert.equal("x ***", j:runs()[1].message)
  end)

  it("is there after a process was killed in the middle, and says interrupted", function()
    local child <close> = another([[
      local run = j:begin_run({ command = "start" })
      local step = j:begin_step(run, { name = "s" })
      for i = 1, 100 do
        j:call({ run = run, step = step, native = "eem", verb = "v", kind = "look", began = i,
          took = 0 })
      end]])
    assert.equal("running", j:runs()[1].state)
    child:kill("KILL")
    child:wait(10)
    assert.equal("interrupted", j:runs()[1].state)
    assert.equal(100, #j:calls(1))
    local run = j:begin_run({}) -- and it can be written
    assert.equal(2, run)
  end)

  it("is not deceived by a process that got the number of an old one", function()
    j:begin_run({})
    j:close()
    sql(path, "UPDATE runs SET process_start = 77")
    j = journal.open({ path = path })
    assert.equal("interrupted", j:runs()[1].state)
  end)

  it("does not judge the processes of another host", function()
    j:begin_run({})
    j:close()
    sql(path, "UPDATE runs SET host = 'elsewhere', pid = 999999")
    j = journal.open({ path = path })
    assert.equal("unfinished", j:runs()[1].state)
  end)

  it("is read while another process writes", function()
    local child <close> = another("j:begin_run({ command = 'x' })")
    local reader = journal.open({ path = path, read_only = true })
    assert.equal("x", reader:runs()[1].command)
    assert.equal("JOURNAL_FAILED", fails(reader.begin_run, reader, {}).code)
    reader:close()
    j:begin_run({ command = "y" })
    assert.equal(2, #j:runs())
    assert.is_truthy(child)
  end)

  it("notices a full disk before anything is changed", function()
    local small = small_disk()
    local full = journal.open({ path = small .. "/j.db" })
    fill(small)
    local failed = fails(full.begin_run, full, { command = "start" })
    fs.remove(small .. "/fill")
    local after = #full:runs()
    local run = full:begin_run({ command = "start" })
    full:close()
    assert.equal("JOURNAL_FAILED", failed.code)
    assert.matches("disk is full", failed.hint)
    assert.equal(0, after)
    assert.is_truthy(run)
  end)

  it("has room for the calls of a run although the disk fills up meanwhile", function()
    local small = small_disk()
    local full = journal.open({ path = small .. "/j.db" })
    local run = full:begin_run({ command = "start" })
    fill(small)
    local ok, failed = loop.guard(function()
      for i = 1, 20 do
        full:call({ run = run, native = "eem", verb = "v", kind = "look", began = i, took = 0 })
      end
      full:end_run(run, { state = "succeeded", exit_code = 0 })
    end)
    full:close()
    assert.is_true(ok, tostring(failed))
  end)

  describe("cannot be opened", function()
    it("for reading where something else is in its place", function()
      fs.write(directory .. "/text", ("not a database "):rep(100))
      local failed = fails(journal.open, { path = directory .. "/text", read_only = true })
      assert.equal("JOURNAL_FAILED", failed.code)
      assert.matches("not a journal", failed.hint)
      assert.equal(("not a database "):rep(100), fs.read(directory .. "/text"))
    end)

    it("for reading where it was cut or overwritten; for writing it is begun anew", function()
      local run = j:begin_run({})
      for _ = 1, 500 do
        call(run, { request = { ("x"):rep(100) } })
      end
      j:close()
      local text = fs.read(path)
      fs.write(path, text:sub(1, 100) .. ("\0\255"):rep(2000) .. text:sub(4101))
      local failed = fails(journal.open, { path = path, read_only = true })
      assert.equal("JOURNAL_FAILED", failed.code)
      assert.matches("damaged", failed.hint)
      local anew <close> = journal.open({ path = path })
      assert.matches("journal%.db%.damaged%-%d+$", anew:aside())
      assert.equal(1, anew:begin_run({}))
      assert.same(0, #anew:runs({ command = "x" }))
    end)

    it("for others: it is the running user's alone, also one of an earlier version", function()
      local function modes()
        local list = {}
        for _, suffix in ipairs({ "", "-wal", "-shm" }) do
          list[#list + 1] = ("%o"):format(fs.find(path .. suffix).mode)
        end
        return table.concat(list, " ")
      end
      assert.equal("600 600 600", modes())
      process.run({ "chmod", "644", path, path .. "-wal", path .. "-shm" })
      local again <close> = journal.open({ path = path })
      assert.equal("600 600 600", modes())
      assert.is_nil(again:aside())
    end)

    it("where it is a link or has another name", function()
      for _, link in ipairs({ "-s", "--" }) do
        fs.write(directory .. "/elsewhere", "")
        os.remove(directory .. "/link.db")
        process.run({ "ln", link, directory .. "/elsewhere", directory .. "/link.db" })
        local failed = fails(journal.open, { path = directory .. "/link.db" })
        assert.equal("JOURNAL_FAILED", failed.code)
        assert.equal("", fs.read(directory .. "/elsewhere"))
      end
    end)

    it("where its directory cannot be made", function()
      fs.write(directory .. "/file", "")
      local failed = fails(journal.open, { path = directory .. "/file/x/journal.db" })
      assert.equal("JOURNAL_FAILED", failed.code)
      assert.matches("directory of the journal cannot be made", failed.message)
    end)

    it("for reading where there is none", function()
      local failed = fails(journal.open, { path = directory .. "/none.db", read_only = true })
      assert.equal("JOURNAL_FAILED", failed.code)
      assert.is_nil(fs.find(directory .. "/none.db"))
    end)

    it("when it is of a newer version, or somebody else's", function()
      j:close()
      sql(path, "PRAGMA user_version = 99")
      local failed = fails(journal.open, { path = path })
      assert.matches("newer version", failed.message)
      assert.matches("update", failed.hint)
      sql(directory .. "/other.db", "CREATE TABLE t (a)")
      failed = fails(journal.open, { path = directory .. "/other.db" })
      assert.matches("something else", failed.message)
    end)
  end)

  it("refuses what it does not know, and use after the end", function()
    local run = j:begin_run({})
    assert.has_error(function() j:begin_run({ who = "me" }) end)
    assert.has_error(function() j:begin_step(run, {}) end)
    assert.has_error(function() j:end_run(run, { state = "succeeded" }) end)
    assert.matches("no step 77", fails(j.end_step, j, 77, { state = "done" }).message)
    assert.matches("no run 77", fails(j.end_run, j, 77, { state = "x", exit_code = 0 }).message)
    assert.equal("JOURNAL_FAILED", fails(j.begin_step, j, 77, { name = "of no run" }).code)
    j:close()
    j:close()
    assert.matches("closed", fails(j.runs, j).message)
  end)
end)
