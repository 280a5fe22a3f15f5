-- What the commands do with a sequence: said, written down, and told by the exit code. The
-- sequences are an administrator's own, given by --lua-path, so that no node is needed.
local exit_codes = require("core.exit_codes")
local folder = require("cli.folder")
local fs = require("fs")
local json = require("json")
local process = require("process")
local scheduler = require("core.scheduler")

local PROGRAM = os.getenv("TAKEOVER_EXE") or "/proc/self/exe"

local PARAMETERS = [[
return {
  eem = { url = "http://127.0.0.1:1/eem", auth = "none" },
  nodes = { ms1 = { group_id = 50 }, ms2 = { group_id = 150 } },
  vms = { vme2 = { path = [=[G:\Hyper-V\vme2]=], gpus = { { id = "0x8cdf9d911c60" } }, %s } },
}
]]

local HEAD = [[
local failover = require("failover")
local failure = require("failure")
local step = failover.step
local fact = step "a fact" { holds = function() return true end }
local made = false
local makes = step "a thing made" {
  holds = function() return made end,
  act = function() made = true end,
  undo = function() made = false end,
}
local never = step "what never comes" {
  holds = function() return false, "it rains" end, act = function() end,
}
]]

local directory

local function write(name, text, options)
  fs.write(directory .. "/" .. name, text, options)
end

local function sequence(name, list)
  write("lua/failover/sequences/" .. name .. ".lua",
    HEAD .. ('return failover.sequence "%s" {\n%s\n}\n'):format(name, list))
end

before_each(function()
  directory = folder.temporary()
  fs.make_directory(directory .. "/lua/failover/sequences")
  write("parameters.lua", PARAMETERS:format(""))
end)

after_each(function()
  folder.remove(directory)
end)

local function options_for(arguments, env)
  local options = {
    PROGRAM, "--lua-path", directory .. "/lua", timeout = 20,
    env = {
      TAKEOVER_PARAMETERS = directory .. "/parameters.lua", TAKEOVER_STATE = directory .. "/state",
      TAKEOVER_NODE = "ms1", CLP_EVENT = false, CLP_DISK = false,
    },
  }
  for key, value in pairs(env or {}) do
    options.env[key] = value
  end
  return table.move(arguments, 1, #arguments, #options + 1, options)
end

local function takeover(arguments, env)
  local result = process.run(options_for(arguments, env))
  assert.is_false(result.timed_out)
  return result.code, result.stdout, result.stderr
end

local function contains(text, piece)
  assert.is_truthy(text:find(piece, 1, true), ("%q is not in:\n%s"):format(piece, text))
end

describe("a run", function()
  it("shows its steps, what came of it, and is in the history", function()
    sequence("start", "fact, makes")
    local code, out, err = takeover({ "start", "vme2" })
    assert.are.equal(0, code)
    assert.are.equal("", err)
    assert.is_truthy(out:find("already%s+a fact"))
    assert.is_truthy(out:find("done%s+a thing made"))
    contains(out, "vme2 runs on ms1")
    contains(out, "run 1")
    assert.is_nil(out:find("\27", 1, true))
    code, out = takeover({ "history", "--run", "1" })
    assert.are.equal(0, code)
    contains(out, "a thing made")
    contains(out, "succeeded")
  end)

  it("is one JSON document when asked for", function()
    sequence("start", "fact, makes")
    local code, out = takeover({ "--json", "start", "vme2" })
    local document = json.decode(out)
    assert.are.equal(0, code)
    assert.are.equal("succeeded", document.state)
    assert.are.equal(0, document.exit_code)
    assert.are.equal("already", document.steps[1].state)
    assert.are.equal("done", document.steps[2].state)
    assert.are.equal(1, document.run)
  end)

  it("that fails says what failed, why, in which state things are, and what to do", function()
    sequence("start", [[makes, step "the wrong one" { holds = function()
      failure.raise({ code = "EEM_REFUSED", message = "the password is wrong", hint = "mend it" })
    end }]])
    local code, out, err = takeover({ "start", "vme2" })
    assert.are.equal(exit_codes.failed, code)
    assert.is_truthy(out:find("failed%s+the wrong one"))
    assert.is_truthy(out:find("undone%s+a thing made"))
    contains(err, "start of vme2 on ms1 failed: ExpEther Manager: the password is wrong (EEM_")
    contains(err, "What to do: mend it")
    code, out = takeover({ "history", "--json" })
    assert.are.equal(0, code)
    assert.are.equal(exit_codes.failed, json.decode(out).runs[1].exit_code)
  end)

  it("that cannot take back what it made says so by its own code", function()
    -- a step that stands for a change of the world, without a world
    sequence("start", [[step "stubborn" {
      holds = function() return made end,
      act = function(c) made = true c.observer.changes = 1 end,
      undo = function() failure.raise({ code = "EEM_REFUSED", message = "no" }) end,
    }, step "the wrong one" { holds = function() failover.refuse("not here") end }]])
    local code, _, err = takeover({ "start", "vme2" })
    assert.are.equal(exit_codes.not_undone, code)
    contains(err, 'NOT everything is undone: "stubborn"')
  end)

  it("that is refused has the code of refusals", function()
    sequence("start", 'step "the rule" { holds = function() failover.refuse("not here") end }')
    local code, _, err = takeover({ "start", "vme2" })
    assert.are.equal(exit_codes.refused, code)
    contains(err, "was refused: not here")
    contains(err, "Nothing was changed.")
  end)

  it("names file and line of an error in an administrator's step", function()
    sequence("start", 'step "a mistake" { holds = function(c) return c.vm.none.deeper end }')
    local code, _, err = takeover({ "start", "vme2" })
    assert.are.equal(exit_codes.failed, code)
    contains(err, "sequences/start.lua:15")
    contains(err, "Nothing was changed.")
  end)

  it("ends inside its deadline", function()
    sequence("start", "never")
    local code, _, err = takeover({ "start", "vme2", "--timeout", "0.3" })
    assert.are.equal(exit_codes.deadline, code)
    contains(err, "it rains")
  end)

  it("that is told to stop takes back what it made", function()
    sequence("start", "makes, never")
    local options = options_for({ "start", "vme2" })
    options.timeout, options.stdout, options.stderr = nil, "pipe", "pipe"
    local child = process.start(options)
    repeat
      local line = assert(child:read_line({ timeout = 10 }))
    until line:find("done%s+a thing made")
    scheduler.sleep(0.02)
    child:kill("INT")
    local result = child:wait(10)
    local rest = {}
    for line in function() return child:read_line({ timeout = 5 }) end do
      rest[#rest + 1] = line
    end
    child:close()
    assert.are.equal(exit_codes.cancelled, result and result.code)
    assert.is_truthy(table.concat(rest, "\n"):find("undone%s+a thing made"))
  end)

  it("tells EXPRESSCLUSTER's log how it ended, in one line", function()
    local script = '#!/bin/sh\nprintf "%s|" "$@" >>"$LOGGED"\necho >>"$LOGGED"\n'
    write("clplogcmd", script, { mode = "0755" })
    local env = {
      PATH = directory .. ":/usr/bin:/bin", LOGGED = directory .. "/logged", CLP_EVENT = "START",
    }
    sequence("start", "fact")
    assert.are.equal(0, (takeover({ "start", "vme2" }, env)))
    local logged = fs.read(directory .. "/logged")
    contains(logged, "takeover: vme2 runs on ms1")
    contains(logged, "INFO")
    sequence("start", 'step "the rule" { holds = function() failover.refuse("not here") end }')
    takeover({ "start", "vme2" }, env)
    logged = fs.read(directory .. "/logged")
    contains(logged, "refused with exit code 10: not here")
    local _, lines = logged:gsub("\n", "")
    assert.are.equal(2, lines)
    env.CLP_EVENT = false
    takeover({ "start", "vme2" }, env)
    assert.are.equal(logged, fs.read(directory .. "/logged"))
  end)

  it("keeps its log lines in a file when one is named", function()
    sequence("start", "fact, makes")
    local _, _, err = takeover({ "start", "vme2", "--log-file", directory .. "/log",
      "--log-format", "json" })
    local text = fs.read(directory .. "/log")
    contains(text, '"step":"a thing made"')
    for line in text:gmatch("[^\n]+") do
      assert.is_table(json.decode(line))
    end
    contains(err, "a thing made")
  end)
end)

describe("stop", function()
  it("goes on without a journal and says so", function()
    write("state", "a file is in the way")
    sequence("stop", "fact")
    local code, out, err = takeover({ "stop", "vme2" })
    assert.are.equal(0, code)
    contains(err, "warning:")
    contains(out, "vme2 is stopped on ms1")
  end)
end)

describe("plan", function()
  it("says what would be done and writes nothing anywhere", function()
    sequence("start", "fact, makes")
    local code, out = takeover({ "plan", "start", "vme2", "--json" })
    assert.are.equal(0, code)
    local steps = json.decode(out).steps
    assert.are.equal("already", steps[1].state)
    assert.are.equal("would", steps[2].state)
    assert.is_nil(fs.find(directory .. "/state"))
    code, out = takeover({ "plan", "start", "vme2" })
    assert.are.equal(0, code)
    contains(out, "1 of 2 facts hold already, 1 would be made true; nothing was changed")
    assert.is_truthy(out:find("\nstart would go ahead\n$"))
  end)

  it("of what is refused exits with the code of refusals", function()
    sequence("start", [[fact, step "the rule" {
      holds = function() failover.refuse("no") end,
    }, makes]])
    local code, out = takeover({ "plan", "start", "vme2" })
    assert.are.equal(exit_codes.refused, code)
    assert.is_truthy(out:find("refused%s+the rule"))
    assert.is_truthy(out:find("\nrefused: no %(the rule%)\n$"))
  end)
end)

describe("monitor", function()
  it("answers running, broken and unknown by exit codes of their own", function()
    sequence("monitor", "fact")
    local code, out = takeover({ "monitor", "vme2" })
    assert.are.equal(0, code)
    contains(out, "vme2 on ms1: running")
    sequence("monitor", "fact, never")
    code, out = takeover({ "monitor", "vme2" })
    assert.are.equal(exit_codes.broken, code)
    contains(out, "what never comes: it rains")
    sequence("monitor", [[step "asked" { holds = function()
      failure.raise({ code = "WMI_TIMEOUT", message = "no answer" })
    end }]])
    code, out = takeover({ "monitor", "vme2", "--json" })
    assert.are.equal(exit_codes.unknown, code)
    assert.are.equal("unknown", json.decode(out).answer)
    write("parameters.lua", PARAMETERS:format('monitor = { when_unknown = "healthy" }'))
    assert.are.equal(0, (takeover({ "monitor", "vme2" })))
  end)

  it("leaves neither a lock nor a journal", function()
    sequence("monitor", "fact")
    takeover({ "monitor", "vme2" })
    assert.is_nil(fs.find(directory .. "/state"))
  end)
end)

describe("status", function()
  it("shows which devices are in quarantine on this node, though nobody answers", function()
    write("parameters.lua", [[
return {
  eem = { url = "http://127.0.0.1:1/eem", auth = "none" },
  nodes = { ms1 = { group_id = 50, wmi = { url = "http://127.0.0.1:1/wsman" } } },
  vms = { vme2 = { path = [=[G:\vme2]=], gpus = { { id = "0x8cdf9d911c60" } } } },
}
]])
    local now = math.floor(require("loop").wall())
    fs.make_directory(directory .. "/state")
    write("state/quarantine.json", json.encode({
      { id = "0x8cdf9d911c60", since = now, ["until"] = now + 600, count = 2, node = "ms1",
        reason = "its link is down" },
      { id = "0x8cdf9d911c62", since = now - 600, ["until"] = now - 1, count = 1, node = "ms1",
        reason = "long ago" },
    }))
    local code, out = takeover({ "status" })
    assert.are.equal(exit_codes.unknown, code)
    contains(out, "device 0x8cdf9d911c60: in quarantine until ")
    contains(out, "failed 2 times on ms1: its link is down")
    assert.is_nil(out:find("long ago", 1, true))
    local document = json.decode((select(2, takeover({ "--json", "status" }))))
    assert.are.equal(1, #document.quarantine)
    assert.are.equal(now + 600, document.quarantine[1]["until"])
    write("state/quarantine.json", "{")
    local _, _, err = takeover({ "status" })
    contains(err, "no device counts as quarantined")
  end)
end)
