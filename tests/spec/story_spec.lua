-- Scenarios: the vocabulary (lua/lab/story) and the command that plays them (takeover test).
local folder = require("cli.folder")
local fs = require("fs")
local json = require("json")
local process = require("process")
local story = require("lab.story")
local xml = require("xml")

local PROGRAM = os.getenv("TAKEOVER_EXE") or "/proc/self/exe"
local CARD = "0x8cdf9d911c60"

local directory

local function write(name, text)
  fs.write(directory .. "/" .. name, text)
  return directory .. "/" .. name
end

before_each(function()
  directory = folder.temporary()
end)

after_each(function()
  folder.remove(directory)
end)

-- Plays a scenario with this text. Gives the result and the path.
local function play(text)
  local path = write("tale.lua", text)
  return story.play(path), path
end

local function trace_has(result, text)
  return table.concat(result.trace, "\n"):find(text, 1, true) ~= nil
end

-- Plays a text that must fail with this problem; `line` is where in the text.
local function fails(text, line, problem)
  local result, path = play(text)
  assert.is_false(result.passed)
  local place = line and path .. ":" .. line .. ": " or ""
  assert.equal(place, result.problem:sub(1, #place))
  assert.truthy(result.problem:find(problem, 1, true), result.problem)
  return result
end

describe("a scenario", function()
  it("passes when everything is as it expects, and leaves a trace on virtual time", function()
    local result = play([[
story "A first start"
expect(start("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", "ms1")
]])
    assert.is_true(result.passed, result.problem)
    assert.equal("A first start", result.title)
    assert.truthy(result.seconds > 20)
    assert.equal("     0.00  ms1  start vme2", result.trace[1])
    assert.truthy(trace_has(result, "done        GPU connected to this node"))
  end)

  it("leaves the same trace each time", function()
    local text = [[
story "Again"
local first = launch("start", "vme2", "ms1")
at(4, function() kill "ms1" end)
first:wait()
move_disk "ms2"
start("vme2", "ms2")
]]
    assert.same(play(text).trace, play(text).trace)
  end)

  it("names file and line of an expectation that is not met", function()
    local result = fails([[
story "Wrong"

expect(start("vme2", "ms1"), { exit = "refused" })
]], 3, "start on ms1: expected exit = refused, got ok")
    assert.truthy(#result.trace > 5)
  end)

  it("names the line also of an expectation in a trigger, and ends there", function()
    local result = fails([[
story "Wrong in the middle"
when({ step = "GPU connected to this node" }, function()
  expect_device("]] .. CARD .. [[", "ms2")
end)
start("vme2", "ms1")
start("vme2", "ms2")
]], 3, "expected device " .. CARD .. " at ms2, it is at ms1")
    assert.is_false(trace_has(result, "ms2  start"))
  end)

  it("names the line also of an expectation that is put off", function()
    fails([[
story "Wrong later"
at(5, function()
  fail("it is %d o'clock", 5)
end)
wait(10)
]], 3, "it is 5 o'clock")
  end)

  local mistakes = {
    { "a misspelt word", 'strat("vme2", "ms1")', "a story has no word 'strat'" },
    { "a misspelt field of expect", 'expect(stop("vme2", "ms1"), { exti = "ok" })',
      'expect has no field "exti"' },
    { "a misspelt option", 'start("vme2", "ms1", { evnt = "failover" })',
      'start has no option "evnt"' },
    { "a misspelt field of cluster", "cluster { switch = {} }", 'cluster has no field "switch"' },
    { "a switch that does not exist", "cluster { switches = { magic = true } }",
      "there is no switch 'magic'" },
    { "a misspelt switch", 'cluster { switches = { dead_node = "silent" } }',
      "there is no switch 'dead_node'; did you mean \"dead_nodes\"?" },
    { "a misspelt latency", "cluster { latency = { boots = 1 } }",
      "there is no latency 'boots'; did you mean \"boot\"?" },
    { "a misspelt field of a node", "cluster { nodes = { ms2 = { swtches = {} } } }",
      'node ms2 has no field "swtches"; did you mean "switches"?' },
    { "a misspelt field of a device", 'cluster { devices = { ["0x8cdf9d911c60"] = { boox = 1 } } }',
      'device 0x8cdf9d911c60 has no field "boox"; did you mean "box"?' },
    { "a misspelt field of a machine", "cluster { vms = { vme2 = { generaton = 3 } } }",
      'vm vme2 has no field "generaton"; did you mean "generation"?' },
    { "a misspelt machine", "cluster { vms = { vem2 = {} } }",
      'there is no vm "vem2"; did you mean "vme2"?' },
    { "a misspelt node", "cluster { nodes = { ms3 = {} } }", 'there is no node "ms3"' },
    { "a misspelt device", 'cluster { devices = { ["0x8cdf9d911c61"] = {} } }',
      'there is no device "0x8cdf9d911c61"' },
    { "a misspelt field of one more device",
      'cluster { more = { devices = { { id = "0x1", seral = "x" } } } }',
      'device 0x1 has no field "seral"; did you mean "serial"?' },
    { "a list that cannot have more", "cluster { more = { node = {} } }",
      'more has no list "node"; did you mean "nodes"?' },
    { "a misspelt field of when", 'when({ setp = "VM running" }, function() end)',
      'when has no field "setp"' },
    { "a when without anything to do", 'when { step = "VM running" }',
      "when needs a function after its pattern" },
    { "an effect that does not exist", 'fault { target = "eem", effect = "explode" }',
      "there is no effect 'explode'" },
    { "a match that does not exist",
      'fault { target = "eem", match = { word = "x" }, effect = "lie" }',
      "a rule cannot match on 'word'" },
    { "a node that does not exist", 'start("vme2", "ms9")', "there is no node ms9" },
    { "a machine that does not exist", 'expect_running("vme9", "ms1")',
      "there is no virtual machine vme9" },
    { "a device that does not exist", 'expect_device("0x1", "ms1")', "there is no device 0x1" },
    { "a verb that does not exist", 'admin("explode")', "there is no verb 'explode'" },
    { "a hand that does not know how", 'by_hand("explode", "vme2", "ms1")',
      'by_hand knows no "explode"' },
    { "a hand that is refused", 'by_hand("pause", "vme2", "ms1")', "is refused (32775)" },
    { "a global", "before = 1", "'before' needs a 'local' before it" },
    { "mistakes in the parameters", 'cluster { vm = { heartbeet = true } }',
      'there is no such key; did you mean "heartbeat"?' },
    { "an error of Lua", "local nothing; nothing.call()", "attempt to index a nil value" },
  }
  for _, mistake in ipairs(mistakes) do
    it("says file and line of " .. mistake[1], function()
      fails('story "Mistaken"\n\n' .. mistake[2] .. "\n", 3, mistake[3])
    end)
  end

  it("says file and line of a syntax error", function()
    fails('story "Broken"\n\nstart(\n', 4, "unexpected symbol near <eof>")
  end)

  it("refuses a cluster after something has happened", function()
    fails('story "Late"\nwait(1)\ncluster {}\n', 3, "cluster comes before everything that happens")
  end)

  it("ends at the first safety rule that is broken, unless it allows it", function()
    local text = [[
story "A hand takes the card from a running machine"
%s
expect(start("vme2", "ms1"), { exit = "ok" })
admin("device", { id = "]] .. CARD .. [[", group_id = 150 })
wait(10)
fail("the story went on")
]]
    local result = play(text:format(""))
    assert.is_false(result.passed)
    assert.truthy(result.problem:find("^I1 is broken: " .. CARD .. " left ms1 while"),
      result.problem)
    fails(text:format('allow "I1"'), 6, "the story went on")
  end)

  it("checks what a command says against what is true", function()
    local result = play([[
story "A sequence that lies"
local failover = require("failover")
local lie = failover.step "all is well" { holds = function() return true end }
start("vme2", "ms1", { sequence = failover.sequence "start" { lie } })
fail("the story went on")
]])
    assert.is_false(result.passed)
    assert.truthy(result.problem:find("I4 is broken: start on ms1 says ok, but vme2 runs nowhere",
      1, true), result.problem)
  end)

  it("fires a trigger as often as it says, and only for whom it says", function()
    local result = play([[
story "Triggers"
local puts, steps = 0, 0
when({ verb = "PUT", target = "eem", times = 9 }, function() puts = puts + 1 end)
when({ step = "VM running", by = "ms2 start" }, function() steps = steps + 1 end)
when({ verb = "PUT", moment = "before" }, function()
  expect_device("]] .. CARD .. [[", "free")
end)
start("vme2", "ms1")
stop("vme2", "ms1")
move_disk "ms2"
start("vme2", "ms2")
if puts ~= 2 or steps ~= 1 then fail("%d puts, %d steps", puts, steps) end
]])
    assert.is_true(result.passed, result.problem)
  end)

  it("kills a node with its machines and every command on it, which never says anything again",
    function()
      local result = play([[
story "Power"
local run = launch("start", "vme2", "ms1")
at(10, function() kill "ms1" end)
expect(run, { exit = "killed" })
wait(100)
expect_running("vme2", nil)
boot "ms1"
expect_registered("vme2", "ms1")
]])
      assert.is_true(result.passed, result.problem)
      local seen
      for _, line in ipairs(result.trace) do
        assert.falsy(seen and line:find("done", 1, true), line)
        seen = seen or line:find("loses power", 1, true)
      end
      assert.truthy(seen)
    end)

  it("cuts a node off and heals that alone, while its machines run on", function()
    local result = play([[
story "Partition"
expect(start("vme2", "ms1"), { exit = "ok" })
local slow = fault { target = "eem", match = {}, effect = "delay", seconds = 2 }
local cut = partition "ms1"
expect(monitor("vme2", "ms1"), { exit = "unknown" })
expect_running("vme2", "ms1")
heal(cut)
expect(monitor("vme2", "ms1"), { exit = "ok", longer_than = 2 })
heal(slow)
expect(monitor("vme2", "ms1"), { exit = "ok", within = 0 })
]])
    assert.is_true(result.passed, result.problem)
  end)

  it("sees a plan that was not honest", function()
    fails([[
story "The world changes between plan and start"
local planned = plan("vme2", "ms1")
start("vme2", "ms1")
expect_as_planned(planned, start("vme2", "ms1"))
]], 4, "the plan was not honest")
  end)

  it("sees a change where none was expected, and says by whom", function()
    fails([[
story "Changed"
local before = changes()
start("vme2", "ms1")
expect_unchanged(before)
]], 4, "by ms1 start #1")
  end)

  it("counts changes, and knows files whichever node has the disk", function()
    local result = play([[
story "Counted"
start("vme2", "ms1")
expect_made("assign", 1)
expect_made("import", 0)
move_disk(nil)
expect_file("G:\\Hyper-V\\vme2\\Virtual Hard Disks\\vme2.vhdx")
expect_file("G:\\Hyper-V\\vme2\\another.vhdx", false)
expect_made("assign", 2)
]])
    assert.truthy(result.problem:find('expected "assign" to have been done 2 times, it was 1',
      1, true), result.problem)
  end)

  it("stops a sequence that computes for ever, with its line", function()
    local edit = write("edit.lua", [[
local failover = require("failover")
local slow = failover.step "slow" { holds = function() while true do end end }
return failover.sequence "start" { slow }
]])
    local result = play(([[
story "Endless"
local run = start("vme2", "ms1", { sequence_file = %q })
expect(run, { code = "SCRIPT_STUCK", where = "edit.lua:2" })
]]):format(edit))
    assert.is_true(result.passed, result.problem)
  end)
end)

describe("docs/scenarios.md", function()
  it("describes every word, every field of expect and every option of commands", function()
    local page = fs.read("docs/scenarios.md")
    local names = {}
    for _, name in ipairs({ "expected", "vocabulary", "run" }) do
      local text = fs.read("lua/lab/story/" .. name .. ".lua")
      for word in text:gmatch("function [vw]%.([%w_]+)") do
        names[#names + 1] = word
      end
      for word in (text:match("\nlocal known = (%b{})") or ""):gmatch("([%w_]+) = true") do
        names[#names + 1] = word
      end
      for word in (text:match("\nM%.of_run = (%b{})") or ""):gmatch("\n  ([%w_]+) = function") do
        names[#names + 1] = word
      end
    end
    assert.truthy(#names > 40)
    for _, name in ipairs(names) do
      assert.truthy(page:find("`" .. name .. "[`( ]"), name .. " is not described")
    end
  end)
end)

describe("faults of a command", function()
  local TEXT = 'story "A fault"\n'
    .. 'expect(start("vme2", "ms1", { faults = { [%s] = "%s" } }), { exit = "%s" })\n'

  it("strike a call by its number, or a change by its name", function()
    assert.is_true(play(TEXT:format(3, "crash before", "killed")).passed)
    assert.is_true(play(TEXT:format('"eem PUT 1"', "refuse", "failed")).passed)
    assert.is_true(play(TEXT:format('"ms1 Disable 2"', "crash after", "killed")).passed)
    assert.is_true(play(TEXT:format('"ms1 Disable 3"', "crash after", "ok")).passed)
  end)

  it("are not misspelt", function()
    fails(TEXT:format('"eem PUT"', "refuse", "failed"), 2, "not \"eem PUT\"")
  end)
end)

describe("takeover test", function()
  local GOOD = 'story "A good one & <small>"\nexpect(stop("vme2", "ms1"), { exit = "ok" })\n'
  local BAD = 'story "A bad one"\nexpect(stop("vme2", "ms1"), { exit = "refused" })\n'

  local function run(...)
    local options = { PROGRAM, "test", timeout = 30, ... }
    local result = process.run(options)
    return result.code, result.stdout, result.stderr
  end

  it("plays a folder, and its exit code says whether all passed", function()
    write("good.lua", GOOD)
    local code, out = run(directory)
    assert.equal(0, code)
    assert.truthy(out:find("scenarios: 1 passed, 0 failed", 1, true), out)
    write("bad.lua", BAD)
    code, out = run(directory)
    assert.equal(11, code)
    assert.truthy(out:find("scenarios: 1 passed, 1 failed", 1, true), out)
    assert.truthy(out:find(directory .. "/bad.lua:2: stop on ms1: expected exit = refused, got ok",
      1, true), out)
  end)

  it("plays only those whose name or sentence is asked for", function()
    write("good.lua", GOOD)
    write("bad.lua", BAD)
    local code, out = run(directory, "--filter", "a GOOD one")
    assert.equal(0, code)
    assert.truthy(out:find("scenarios: 1 passed, 0 failed", 1, true), out)
  end)

  it("keeps the trace with --accept, and says the first line that differs from then on", function()
    local path = write("good.lua", GOOD)
    assert.equal(0, (run(path, "--accept")))
    local trace = fs.read(directory .. "/good.trace")
    assert.truthy(trace:find("ms1  stop vme2: ok", 1, true), trace)
    assert.equal(0, (run(path)))
    write("good.trace", (trace:gsub("stop vme2: ok", "stop vme2: refused")))
    local code, out = run(path)
    assert.equal(11, code)
    assert.truthy(out:find("of the trace: accepted", 1, true), out)
    assert.truthy(out:find("takeover test --accept " .. path, 1, true), out)
  end)

  it("does not accept the trace of a scenario that fails", function()
    local path = write("bad.lua", BAD)
    assert.equal(11, (run(path, "--accept")))
    assert.falsy(fs.find(directory .. "/bad.trace"))
  end)

  it("prints traces when asked to", function()
    local _, out = run(write("good.lua", GOOD), "--trace")
    assert.truthy(out:find("0.00  ms1  stop vme2", 1, true), out)
  end)

  describe("with --seed", function()
    local START = 'story "A start"\nexpect(start("vme2", "ms1"), { exit = "ok" })\n'

    local function trace_of(path, ...)
      local code, out, errors = run(path, "--json", ...)
      assert.equal(0, code, errors)
      return table.concat(json.decode(out).scenarios[1].trace, "\n")
    end

    it("plays with other latencies, the same ones for the same seed", function()
      local path = write("start.lua", START)
      local usual, seven = trace_of(path), trace_of(path, "--seed", "7")
      assert.not_equal(usual, seven)
      assert.not_equal(seven, trace_of(path, "--seed", "8"))
      write("another.lua", GOOD)
      local _, out = run(directory, "--json", "--seed", "7")
      assert.equal(seven, table.concat(json.decode(out).scenarios[2].trace, "\n"))
      assert.equal(7, json.decode(out).seed)
    end)

    it("never varies what a scenario says itself", function()
      local names = {}
      for name in pairs(require("lab.world").latency) do
        names[#names + 1] = name .. " = " .. (name == "answer" and 0 or 1)
      end
      local path = write("told.lua", ('story "Told"\ncluster { latency = { %s } }\n'):format(
        table.concat(names, ", ")) .. START:match("\n(.*)"))
      assert.equal(trace_of(path), trace_of(path, "--seed", "7"))
    end)

    it("does not compare with the accepted trace, and does not accept one", function()
      local path = write("start.lua", START)
      assert.equal(0, (run(path, "--accept")))
      assert.equal(0, (run(path, "--seed", "7")))
      local code, _, errors = run(path, "--seed", "7", "--accept")
      assert.equal(22, code)
      assert.truthy(errors:find("not with --seed", 1, true), errors)
    end)

    it("says how to play a failed one again", function()
      local path = write("bad.lua", BAD)
      local code, out = run(path, "--seed", "7")
      assert.equal(11, code)
      assert.truthy(out:find("takeover test --seed 7 " .. path, 1, true), out)
    end)

    it("wants a whole number", function()
      local code, _, errors = run(write("good.lua", GOOD), "--seed", "often")
      assert.equal(22, code)
      assert.truthy(errors:find("--seed wants", 1, true), errors)
    end)
  end)

  it("writes JUnit XML that tools can read", function()
    write("good.lua", GOOD)
    write("bad.lua", BAD)
    local file = directory .. "/junit.xml"
    run(directory, "--junit", file)
    local suite = xml.parse(fs.read(file), {})
    assert.equal("testsuite", suite.name)
    local text = fs.read(file)
    assert.truthy(text:find('tests="2" failures="1"', 1, true), text)
    assert.truthy(text:find("A good one &amp; &lt;small&gt;", 1, true), text)
    assert.truthy(text:find("<failure message=", 1, true), text)
  end)

  it("gives one JSON document with --json", function()
    write("good.lua", GOOD)
    write("bad.lua", BAD)
    local code, out = run(directory, "--json")
    local document = json.decode(out)
    assert.equal(11, code)
    assert.equal(1, document.failed)
    assert.equal(2, #document.scenarios)
    assert.truthy(document.scenarios[1].problem:find("bad.lua:2", 1, true))
    assert.equal("table", type(document.scenarios[2].trace))
  end)

  it("says when there is no such scenario", function()
    local code, _, errors = run(directory .. "/none.lua")
    assert.equal(11, code)
    assert.truthy(errors:find("there is no scenario", 1, true), errors)
  end)
end)
