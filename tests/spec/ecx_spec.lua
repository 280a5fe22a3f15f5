local ecx = require("ecx")
local fs = require("fs")
local json = require("json")
local log = require("log")
local loop = require("loop")
local process = require("process")

local function fails(fn, ...)
  local ok, failed = loop.guard(fn, ...)
  assert.is_false(ok)
  return failed
end

-- Shaped like clpstat's output; names and states are the lab's.
local CLPSTAT = [[
 ========================  CLUSTER STATUS  ===========================
  Cluster : cluster1
  <server>
   *ms1 ............: Online           first node
      lankhb1        : Normal           Kernel Mode LAN Heartbeat
    ms2 ............: Offline
      lankhb1        : Error            Kernel Mode LAN Heartbeat
  <group>
    ManagementGroup : Online
      current        : ms1
      ManagementIP   : Online
    Failover-vme2 ..: Online Pending
      current        : ms2
      script1        : Online Pending
    Failover-off ...: Offline
      current        : -
  <monitor>
    genw1           : Normal
 =====================================================================
]]

describe("ecx", function()
  local directory

  local function program(name, text)
    local path = directory .. "/" .. name
    fs.write(path, "#!/bin/sh\n" .. text, { mode = "0755" })
    return path
  end

  -- What a script sees in a process with this environment.
  local function environment(env)
    local script = directory .. "/environment.lua"
    fs.write(script, 'print(require("json").encode(require("ecx").environment()))')
    local host = process.run({ "readlink", "/proc/" .. loop.pid() .. "/exe", timeout = 10 })
    local result = process.run({
      host.stdout:match("[^\n]+"), "run", script, env = env, timeout = 20,
    })
    return json.decode(result.stdout)
  end

  before_each(function()
    directory = process.run({ "mktemp", "-d", timeout = 10 }).stdout:match("%S+")
  end)

  after_each(function()
    process.run({ "rm", "-rf", directory, timeout = 10 })
  end)

  describe("environment", function()
    it("is nothing but the knowledge that there is no cluster without its variables", function()
      assert.same({ under_cluster = false }, environment({}))
    end)

    it("gives words in lower case, numbers as numbers and names as they are", function()
      assert.same({
        under_cluster = true, event = "failover", server = "other", disk = "success",
        factor = "groupmove", group = "Failover-VME2", resource = "script1", priority = 2,
        previous_server = "MS1", script_path = "C:\\Program Files", version = "5.1",
      }, environment({
        CLP_EVENT = "FAILOVER", CLP_SERVER = "OTHER", CLP_DISK = "SUCCESS",
        CLP_FACTOR = "GROUPMOVE", CLP_GROUPNAME = "Failover-VME2", CLP_RESNAME = "script1",
        CLP_RESOURCENAME = "other", CLP_PRIORITY = "2", CLP_SERVER_PREV = "MS1",
        CLP_SCRIPT_PATH = "C:\\Program Files", CLP_VERSION_FULL = "5.1",
      }))
    end)

    it("tolerates values that nobody promised", function()
      assert.same({ under_cluster = false, event = "something", resource = "r" }, environment({
        CLP_EVENT = "Something", CLP_PRIORITY = "high", CLP_FACTOR = "",
        CLP_SERVER_PREV = "not defined", CLP_RESOURCENAME = "r",
      }))
    end)

    it("knows the three events of a running cluster", function()
      for _, event in ipairs({ "START", "FAILOVER", "RECOVER" }) do
        assert.is_true(environment({ CLP_EVENT = event }).under_cluster)
      end
    end)

    it("knows a script before a recovery, which has an action and no event", function()
      assert.same({ under_cluster = true, action = "failover" },
        environment({ CLP_ACTION = "FAILOVER" }))
    end)
  end)

  describe("log", function()
    it("hands one line to clplogcmd", function()
      local path = program("clplogcmd", 'printf "%s|" "$@" > "$0.out"')
      assert.is_true(ecx.log("warn", "two\nlines $HOME", { command = path }))
      assert.equal("-m|two lines $HOME|-l|WARN|", fs.read(path .. ".out"))
      ecx.log("error", "x", { command = path, alert = true, id = 7 })
      assert.equal("-m|x|-l|ERR|-i|7|--alert|", fs.read(path .. ".out"))
      ecx.log("info", "x", { command = path })
      assert.equal("-m|x|-l|INFO|", fs.read(path .. ".out"))
    end)

    it("takes secrets out and cuts what is too long between characters", function()
      local path = program("clplogcmd", 'printf "%s" "$2" > "$0.out"')
      log.add_secret("Ecx-Secret-5512")
      ecx.log("info", "is Ecx-Secret-5512!", { command = path })
      assert.equal("is ***!", fs.read(path .. ".out"))
      ecx.log("info", ("é"):rep(600), { command = path })
      local text = fs.read(path .. ".out")
      assert.equal(510, #text)
      assert.is_truthy(utf8.len(text))
    end)

    it("says false where there is no clplogcmd", function()
      assert.is_false(ecx.log("info", "x", { command = directory .. "/none" }))
      assert.is_false(ecx.log("info", "x", { command = "no-such-clplogcmd" }))
    end)

    it("raises what a failing command says", function()
      local path = program("clplogcmd", "echo 'Log in as root.' >&2; exit 3")
      local failed = fails(ecx.log, "info", "x", { command = path })
      assert.equal("ECX_FAILED", failed.code)
      assert.equal("clplogcmd ended with code 3: Log in as root.", failed.message)
    end)

    it("does not wait for ever", function()
      local path = program("clplogcmd", "exec sleep 20")
      local failed = fails(ecx.log, "info", "x", { command = path, timeout = 0.03 })
      assert.equal("ECX_FAILED", failed.code)
      assert.matches("in time", failed.message)
    end)

    it("refuses other levels", function()
      assert.has_error(function() ecx.log("loud", "x") end)
    end)
  end)

  describe("status", function()
    it("reads servers, groups and where they run", function()
      fs.write(directory .. "/text", CLPSTAT)
      local path = program("clpstat", 'cat "${0%/*}/text"')
      local status = ecx.status({ command = path })
      assert.same({ ms1 = "online", ms2 = "offline" }, status.servers)
      assert.same({
        ManagementGroup = { state = "online", server = "ms1" },
        ["Failover-vme2"] = { state = "online pending", server = "ms2" },
        ["Failover-off"] = { state = "offline" },
      }, status.groups)
      assert.equal(CLPSTAT, status.text)
    end)

    it("passes over what it does not understand", function()
      local path = program("clpstat",
        "printf '<group>\\n: : :\\ncurrent : x\\n<group>\\n\\n   a\\n<\\n<server>\\r\\n s: \\r\\n'")
      local status = ecx.status({ command = path })
      assert.same({ s = "" }, status.servers)
    end)

    it("is nil where there is no clpstat and a failure where it fails", function()
      assert.is_nil(ecx.status({ command = directory .. "/none" }))
      local path = program("clpstat", "echo 'Cluster is not running.'; exit 1")
      local failed = fails(ecx.status, { command = path })
      assert.matches("code 1: Cluster is not running", failed.message)
    end)
  end)

  describe("group_server", function()
    it("gives the server that clpgrp -n names", function()
      local path = program("clpgrp", '[ "$1 $2" = "-n Failover vme2" ] && echo ms2')
      assert.equal("ms2", ecx.group_server("Failover vme2", { command = path }))
    end)

    it("is nil where it cannot be told", function()
      assert.is_nil(ecx.group_server("g", { command = directory .. "/none" }))
      assert.is_nil(ecx.group_server("g", { command = program("a", "echo ms1; exit 1") }))
      assert.is_nil(ecx.group_server("g", { command = program("b", "echo Invalid group name.") }))
      assert.is_nil(ecx.group_server("g", { command = program("c", "exit 0") }))
    end)
  end)

  describe("orders for groups", function()
    it("go to clpgrp", function()
      local path = program("clpgrp", 'for a; do printf "%s|" "$a"; done >"$0.out"')
      assert.is_true(ecx.move_group("Failover vme2", { command = path, server = "ms2" }))
      assert.equal("-m|Failover vme2|-a|ms2|", fs.read(path .. ".out"))
      assert.is_true(ecx.move_group("g", { command = path }))
      assert.equal("-m|g|", fs.read(path .. ".out"))
      assert.is_true(ecx.stop_group("g", { command = path }))
      assert.equal("-t|g|", fs.read(path .. ".out"))
    end)

    it("are false where there is no clpgrp and failures where it refuses", function()
      assert.is_false(ecx.move_group("g", { command = directory .. "/none" }))
      local path = program("clpgrp", "echo 'Invalid group name.'; exit 2")
      local failed = fails(ecx.stop_group, "g", { command = path })
      assert.equal("ECX_FAILED", failed.code)
      assert.matches("code 2: Invalid group name", failed.message)
    end)

    it("name a group and a server, never an option", function()
      assert.has_error(function() ecx.stop_group("-m") end)
      assert.has_error(function() ecx.move_group("") end)
      assert.has_error(function() ecx.move_group("g", { server = "-f" }) end)
    end)
  end)

  it("finds its commands in PATH and in the installation", function()
    local script = directory .. "/find.lua"
    fs.make_directory(directory .. "/bin")
    program("bin/clplogcmd", "exit 0")
    fs.write(script, 'print(require("ecx").log("info", "x"))')
    local host = process.run({ "readlink", "/proc/" .. loop.pid() .. "/exe", timeout = 10 })
    local function found(env)
      return process.run({
        host.stdout:match("[^\n]+"), "run", script, env = env, timeout = 20,
      }).stdout
    end
    assert.equal("false\n", found({ CLP_PATH = false }))
    assert.equal("true\n", found({ CLP_PATH = directory }))
    assert.equal("true\n", found({ PATH = directory .. "/bin:/usr/bin:/bin" }))
  end)
end)
