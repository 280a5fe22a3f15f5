local cli = require("cli.cli")
local exit_codes = require("core.exit_codes")
local folder = require("cli.folder")
local fs = require("fs")
local json = require("json")
local output = require("cli.output")
local process = require("process")
local scheduler = require("core.scheduler")

local PROGRAM = os.getenv("TAKEOVER_EXE") or "/proc/self/exe"

local PARAMETERS = [[
return {
  eem = { url = "http://127.0.0.1:1/eem", auth = "none" },
  wmi = { user = "takeover", password = secret "wmi" },
  nodes = {
    ms1 = { group_id = 50, wmi = { url = "http://127.0.0.1:1/wsman" } },
    ms2 = { group_id = 150, wmi = { url = "http://127.0.0.2:1/wsman" } },
  },
  vms = {
    ["計算 #1"] = { path = [=[G:\other]=], gpus = { { vendor = "10de", device = "1eb1" } } },
    vme2 = { path = [=[G:\Hyper-V\vme2]=], gpus = { { id = "0x8cdf9d911c60" } } },
  },
}
]]

local directory

local function write(name, text)
  fs.write(directory .. "/" .. name, text)
  return directory .. "/" .. name
end

-- Nothing of the surroundings: neither those of the tests nor of a real cluster.
local function environment(extra)
  local env = {
    TAKEOVER_PARAMETERS = directory .. "/parameters.lua", TAKEOVER_STATE = directory .. "/state",
    TAKEOVER_NODE = "ms1", TAKEOVER_SECRET_WMI = false, CLP_EVENT = false, CLP_DISK = false,
  }
  for key, value in pairs(extra or {}) do
    env[key] = value
  end
  return env
end

-- Runs the real program. Gives its exit code, stdout and stderr.
local function takeover(arguments, extra)
  local options = { PROGRAM, timeout = 20, env = environment(extra) }
  table.move(arguments, 1, #arguments, 2, options)
  local result = process.run(options)
  assert.is_false(result.timed_out)
  return result.code, result.stdout, result.stderr
end

local function contains(text, piece)
  assert.is_truthy(text:find(piece, 1, true), ("%q is not in:\n%s"):format(piece, text))
end

before_each(function()
  directory = folder.temporary()
  write("parameters.lua", PARAMETERS)
end)

after_each(function()
  folder.remove(directory)
end)

describe("the command line", function()
  it("prints the version, for people and as JSON", function()
    local code, out = takeover({ "version" })
    assert.are.equal(0, code)
    assert.is_truthy(out:find("^takeover %d+%.%d+%.%d+"))
    code, out = takeover({ "version", "--json" })
    assert.are.equal(0, code)
    assert.is_truthy(json.decode(out).version:find("^%d+%.%d+%.%d+"))
  end)

  it("lists every command when there is none", function()
    local code, out = takeover({})
    assert.are.equal(0, code)
    for _, command in ipairs(cli.commands) do
      contains(out, command[1])
      contains(out, command[2])
    end
  end)

  it("explains every command, with an example", function()
    for _, command in ipairs(cli.commands) do
      local code, out, err = takeover({ command[1], "--help" })
      assert.are.equal(0, code, command[1] .. ": " .. err)
      contains(out, "takeover " .. command[1])
      assert.is_true(#out > 100, command[1])
    end
  end)

  it("that is wrong exits with its own code and a suggestion", function()
    local code, _, err = takeover({ "strat", "vme2" })
    assert.are.equal(exit_codes.usage, code)
    contains(err, "Did you mean 'start'?")
    code, _, err = takeover({ "start" })
    assert.are.equal(exit_codes.usage, code)
    contains(err, "missing argument 'vm'")
    code, _, err = takeover({ "start", "vme2", "--evidnce", "x" })
    assert.are.equal(exit_codes.usage, code)
    contains(err, "--evidence")
  end)

  it("loads neither the lab nor the demo for a start", function()
    assert.are.equal("start", cli.parse({ "start", "vme2", "--json" }).command)
    for _, name in ipairs({ "cli.commands.lab", "cli.commands.demo", "lab.main", "lab.world" }) do
      assert.is_nil(package.loaded[name])
    end
  end)
end)

describe("exit codes", function()
  it("are distinct, and 10 or more for all that is not success", function()
    local seen = {}
    for _, entry in ipairs(exit_codes.list) do
      assert.is_nil(seen[entry.code])
      seen[entry.code] = true
      assert.is_true(entry.code == 0 or (entry.code >= 10 and entry.code < 64))
      assert.are.equal(entry.name, exit_codes.name(entry.code))
    end
  end)

  it("say that something is left undone, whatever the cause", function()
    local failed = { code = "DEADLINE" }
    local result = { state = "failed", undone = true, failure = failed }
    assert.are.equal(16, exit_codes.of_result(result))
    result.undone = false
    assert.are.equal(12, exit_codes.of_result(result))
    assert.are.equal(12, exit_codes.of_result({ state = "cancelled", undone = false }))
    assert.are.equal(15, exit_codes.of_result({ state = "cancelled", undone = true }))
    assert.are.equal(10, exit_codes.of_result({
      state = "refused", failure = { code = "NO_EVIDENCE" },
    }))
    result = { state = "failed", failure = { code = "EEM_REFUSED" } }
    assert.are.equal(11, exit_codes.of_result(result))
    assert.are.equal(0, exit_codes.of_result({ state = "succeeded" }))
  end)

  it("call a wrong password a mistake in the configuration if nothing was changed", function()
    for _, code in ipairs({ "EEM_AUTH", "EEM_TLS", "WMI_AUTH", "WMI_ACCESS", "WMI_TLS" }) do
      local result = { state = "failed", failure = { code = code } }
      assert.are.equal(13, exit_codes.of_result(result))
      result.undone = true
      assert.are.equal(11, exit_codes.of_result(result))
      result.undone = false
      assert.are.equal(12, exit_codes.of_result(result))
    end
  end)

  it("are those that the table of failure codes names", function()
    local failure = require("failure")
    for code, entry in pairs(failure.codes) do
      assert.is_number(exit_codes[entry.exit], code)
      assert.are.equal(exit_codes[entry.exit], exit_codes.of_failure({ code = code }))
    end
  end)

  it("of failures before a run are known for codes that exist", function()
    local failure = require("failure")
    for _, code in ipairs({ "CONFIG", "BUSY", "NO_DEVICE", "JOURNAL_FAILED", "SECRET_MISSING" }) do
      assert.is_table(failure.codes[code])
      assert.are_not.equal(exit_codes.failed, exit_codes.of_failure({ code = code }))
    end
  end)
end)

describe("parameters on the command line", function()
  it("that are wrong are told with file and line, and nothing is done", function()
    write("parameters.lua", (PARAMETERS:gsub("group_id = 150", "grup_id = 150")))
    local code, out, err = takeover({ "start", "vme2", "--json" })
    assert.are.equal(exit_codes.configuration, code)
    contains(err, "parameters.lua:6: nodes.ms2.grup_id: there is no such key")
    contains(err, 'did you mean "group_id"?')
    contains(err, "1 mistake in")
    assert.are.equal("CONFIG", json.decode(out).failure.code)
    assert.is_nil(fs.find(directory .. "/state"))
  end)

  it("that are not there are told with the ways to name them", function()
    local code, _, err = takeover({ "status" }, { TAKEOVER_PARAMETERS = directory .. "/none.lua" })
    assert.are.equal(exit_codes.configuration, code)
    contains(err, "none.lua")
  end)

  it("must know this node", function()
    local code, _, err = takeover({ "start", "vme2", "--node", "ms3" })
    assert.are.equal(exit_codes.configuration, code)
    contains(err, "there is no node ms3")
    contains(err, 'did you mean "ms1"?')
    code, _, err = takeover({ "start", "vme2" }, { TAKEOVER_NODE = false })
    assert.are.equal(exit_codes.configuration, code)
    contains(err, "which is none of the nodes")
  end)

  it("must know the virtual machine, for stop as well, which then touches nothing", function()
    local code, _, err = takeover({ "stop", "vme3" })
    assert.are.equal(exit_codes.configuration, code)
    contains(err, 'there is no virtual machine vme3')
    contains(err, 'did you mean "vme2"?')
    assert.is_nil(fs.find(directory .. "/state"))
  end)
end)

describe("start", function()
  it("does nothing and succeeds when a node comes back", function()
    local nothing = { CLP_EVENT = "RECOVER", TAKEOVER_PARAMETERS = directory .. "/none.lua" }
    local code, out = takeover({ "start", "vme2" }, nothing)
    assert.are.equal(0, code)
    contains(out, "nothing is started")
    nothing.CLP_EVENT = "FAILOVER"
    assert.are.equal(0, (takeover({ "start", "vme2", "--event", "recover" }, nothing)))
    assert.is_nil(fs.find(directory .. "/state"))
  end)

  it("without its secret is a configuration error and says where secrets are looked for", function()
    local code, out, err = takeover({ "start", "vme2" })
    assert.are.equal(exit_codes.configuration, code, out .. err)
    contains(err, "TAKEOVER_SECRET_WMI")
    contains(err, directory .. "/state/secrets/wmi")
    contains(err, "Nothing was changed.")
  end)

  it("is refused while another run for the same virtual machine is active", function()
    fs.make_directory(directory .. "/state/locks")
    local lock = assert(fs.lock(directory .. "/state/locks/vme2", "somebody, process 4711"))
    local code, _, err = takeover({ "start", "vme2" })
    assert.are.equal(exit_codes.busy, code)
    contains(err, "somebody, process 4711")
    lock:release()
    code = takeover({ "start", "vme2" })
    assert.are.equal(exit_codes.configuration, code)
  end)

  -- Until then a signal would just end the process.
  local function until_it_catches_term(pid)
    local deadline = scheduler.now() + 10
    repeat
      scheduler.sleep(0.005)
      local file = assert(io.open(("/proc/%d/status"):format(pid)))
      local caught = tonumber(file:read("a"):match("SigCgt:%s*(%x+)"), 16)
      file:close()
    until caught & (1 << 14) ~= 0 or scheduler.now() > deadline
  end

  it("ends as cancelled when it is told to stop while it waits", function()
    fs.make_directory(directory .. "/state/locks")
    local lock = assert(fs.lock(directory .. "/state/locks/vme2", "somebody"))
    local child = process.start({
      PROGRAM, "start", "vme2", "--wait", "30", "--log-level", "debug",
      env = environment(), stdout = "discard", stderr = "discard",
    })
    until_it_catches_term(child:pid())
    child:kill("TERM")
    local result = child:wait(10)
    lock:release()
    assert.are.same({ code = exit_codes.cancelled }, { code = result and result.code })
    child:close()
  end)

  it("does not begin where it cannot keep a journal, but stop does", function()
    write("state", "a file is in the way")
    local code, _, err = takeover({ "start", "vme2" })
    assert.are.equal(exit_codes.not_writable, code)
    contains(err, "--state")
    code, _, err = takeover({ "stop", "vme2" })
    assert.are.equal(exit_codes.configuration, code) -- it got as far as the missing secret
    contains(err, "warning:")
  end)

  it("names file and line of a mistake in the administrator's sequence", function()
    fs.make_directory(directory .. "/lua/failover/sequences")
    local path = write("lua/failover/sequences/start.lua",
      "local failover = require('failover')\nreturn failover.sequence 'x' { failover.none() }\n")
    local code, _, err = takeover({ "--lua-path", directory .. "/lua", "start", "vme2" })
    assert.are.equal(exit_codes.configuration, code)
    contains(err, path .. ":2:")
    fs.write(path, "return failover sequence\n")
    code, _, err = takeover({ "--lua-path", directory .. "/lua", "start", "vme2" })
    assert.are.equal(exit_codes.configuration, code)
    contains(err, path .. ":1:")
    assert.is_nil(fs.find(directory .. "/state"))
  end)

  it("refuses a sequence that others may change", function()
    fs.make_directory(directory .. "/lua/failover/sequences")
    fs.write(directory .. "/lua/failover/sequences/start.lua", "return nil", { mode = "0666" })
    local code, _, err = takeover({ "--lua-path", directory .. "/lua", "start", "vme2" })
    assert.are.equal(exit_codes.configuration, code)
    contains(err, "may be changed by others")
  end)

  it("refuses steps that others may change", function()
    fs.make_directory(directory .. "/lua/failover/steps")
    fs.write(directory .. "/lua/failover/steps/own.lua", "return {}", { mode = "0666" })
    local code, _, err = takeover({ "--lua-path", directory .. "/lua", "start", "vme2" })
    assert.are.equal(exit_codes.configuration, code)
    contains(err, "steps/own.lua may be changed by others")
  end)
end)

describe("history", function()
  it("is empty before the first run and shows a failed one afterwards", function()
    local code, out = takeover({ "history" })
    assert.are.equal(0, code)
    contains(out, "no runs yet")
    takeover({ "start", "vme2" })
    code, out = takeover({ "history", "vme2", "--json" })
    assert.are.equal(0, code)
    local run = json.decode(out).runs[1]
    assert.are.equal("failed", run.state)
    assert.are.equal(exit_codes.configuration, run.exit_code)
    code, out = takeover({ "history", "--run", tostring(run.id) })
    assert.are.equal(0, code)
    contains(out, "VM not running on another node")
    code = takeover({ "history", "--run", "99" })
    assert.are.equal(exit_codes.configuration, code)
  end)
end)

describe("run", function()
  it("gives a script its arguments, whatever they look like, and its exit code", function()
    local path = write("script.lua", [[
      local a, b = ...
      print(arg[0] == "]] .. directory .. [[/script.lua", a, b, arg[3])
      return 42
    ]])
    local code, out = takeover({ "run", path, "--json", "-x", "three" })
    assert.are.equal(42, code)
    assert.are.equal("true\t--json\t-x\tthree\n", out)
  end)

  it("names the line of an error in the script", function()
    local path = write("script.lua", "local x\nprint(x.y)\n")
    local code, _, err = takeover({ "run", path })
    assert.are.equal(exit_codes.internal, code)
    contains(err, path .. ":2:")
  end)
end)

describe("output", function()
  it("counts the columns of wide characters and of colours", function()
    assert.are.equal(4, output.width("計算"))
    assert.are.equal(3, output.width("\27[32mabc\27[0m"))
    assert.are.equal("計 |", output.pad("計", 3) .. "|")
  end)

  it("has no colours where it goes to a file, and has them when told so", function()
    takeover({ "start", "vme2" })
    local _, out = takeover({ "history" })
    assert.is_nil(out:find("\27", 1, true))
    _, out = takeover({ "history", "--colour", "always" })
    contains(out, "\27[31mfailed\27[0m")
  end)

  it("writes durations for people", function()
    assert.are.equal("4.2 ms", output.duration(0.0042))
    assert.are.equal("40 ms", output.duration(0.04))
    assert.are.equal("1.2 s", output.duration(1.23))
    assert.are.equal("2 min 05 s", output.duration(125))
  end)
end)

describe("check", function()
  it("reads a clock in any time zone", function()
    local seconds_of = require("cli.commands.check").seconds_of
    assert.are.equal(0, seconds_of("19700101000000.000000+000"))
    assert.are.equal(1785383696, seconds_of("20260730125456.123456+540"))
    assert.are.equal(951782400, seconds_of("20000228190000.000000-300"))
    assert.is_nil(seconds_of("nonsense"))
  end)

  it("tells every missing secret and what to do, and fails", function()
    local code, out = takeover({ "check", "--json" })
    assert.are.equal(exit_codes.failed, code)
    local document = json.decode(out)
    local found
    for _, one in ipairs(document.checks) do
      if one.subject == "secret" then
        found = one
      end
    end
    assert.are.equal("fail", found.state)
    contains(found.hint, "TAKEOVER_SECRET_WMI")
  end)

  it("asks for no secret of a node that is reached as the running user", function()
    write("parameters.lua", (PARAMETERS:gsub("nodes = %b{}", [[nodes = {
      ms1 = { group_id = 50, wmi = { url = "http://127.0.0.1:1/wsman", transport = "local" } },
      ms2 = {
        group_id = 150,
        wmi = { url = "http://127.0.0.2:1/wsman", user = "other", password = secret "two" },
      },
    }]])))
    local secrets = {}
    local _, out = takeover({ "check", "--json" }, { TAKEOVER_SECRET_TWO = "2" })
    for _, one in ipairs(json.decode(out).checks) do
      secrets[#secrets + 1] = one.subject == "secret" and one.text or nil
    end
    assert.are.same({ "two is there" }, secrets)
    _, out = takeover({ "check", "--json" }, { TAKEOVER_NODE = "ms2", TAKEOVER_SECRET_TWO = "2" })
    contains(out, "TAKEOVER_SECRET_WMI") -- from there ms1 is another node
  end)
end)

