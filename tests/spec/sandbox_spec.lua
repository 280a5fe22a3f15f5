-- What docs/security.md promises of scripts, attacked: each attempt is made by a script in the real
-- program, and none gets a shell, bytecode, the watchdog, or an exit code of its own choice.
local process = require("process")
local site_module = require("support.site")

local PROGRAM = site_module.PROGRAM

local path

before_each(function()
  path = os.tmpname()
end)

after_each(function()
  os.remove(path)
end)

local function run(text, timeout)
  require("fs").write(path, text)
  return process.run({ PROGRAM, "run", path, timeout = timeout or 60 })
end

-- Each prints what it got; "refused" when it got nothing.
local attempts = {
  ["a shell through os.execute"] = [[return os.execute("echo owned")]],
  ["a shell through io.popen"] = [[return io.popen("echo owned"):read("a")]],
  ["a C module"] = [[return package.loadlib("libc.so.6", "*")]],
  ["a C module through require"] = [[package.cpath = "/usr/lib/?.so"; return require("lfs")]],
  ["the end of the program"] = [[os.exit(0)]],
  ["another way to write numbers"] = [[return os.setlocale("de_DE.UTF-8")]],
  ["bytecode through load"] = [[
    return load(string.dump(function() return 1 end), "x", "b")()]],
  ["bytecode through load's pieces"] = [[
    local code, sent = string.dump(function() return 1 end), nil
    return load(function() if not sent then sent = true; return code end end, "x", "b")()]],
  ["bytecode in a file"] = [[local name = os.tmpname()
    local file = io.open(name, "wb"); file:write(string.dump(function() return 1 end)); file:close()
    local chunk, why = loadfile(name, "b"); os.remove(name); return assert(chunk, why)()]],
  ["the real load, as an upvalue"] = [[return debug.getupvalue(load, 1)]],
  ["the registry"] = [[return debug.getregistry()]],
  ["the hook"] = [[debug.sethook(); return "hook gone"]],
  ["other functions' locals"] = [[return debug.getlocal(1, 1)]],
  ["functions of its callers"] = [[return assert(debug.getinfo(1, "f").func)]],
  ["functions of another coroutine"] = [[local co = coroutine.create(function() end)
    return assert(debug.getinfo(co, 0, "f").func)]],
  ["the methods of texts"] = [[local methods = getmetatable("")
    methods.__index = {}; return "methods changed"]],
  ["the metatable of texts"] = [[setmetatable("", {}); return "set"]],
  ["the metatable of handles"] = [[
    return getmetatable(require("fs").lock(os.tmpname(), "x")).__gc]],
  ["a global of its own"] = [[owned = 1; return "owned"]],
  ["the searchers of C modules"] = [[
    return package.searchers[3] or package.searchers[4] or error("none")]],
}

describe("a script gets", function()
  for name, text in pairs(attempts) do
    it("no way to " .. name, function()
      local result = run("local ok, got = pcall(function()\n" .. text .. "\nend)\n"
        .. "print(ok and got ~= nil and 'GOT ' .. tostring(got) or 'refused')\nprint('still here')")
      assert.are.equal("refused\nstill here\n", result.stdout, result.stderr)
    end)
  end

  it("what it needs of debug: where something is", function()
    local result = run([[
      local function here() local info = debug.getinfo(1, "Sl"); return info end
      local function caller() local info = debug.getinfo(2, "l"); return info end
      print(here().currentline, caller().currentline, debug.getinfo(1, "l").currentline)
      local co = coroutine.create(function() coroutine.yield() end)
      coroutine.resume(co)
      print(debug.getinfo(co, 1, "l").currentline, debug.getinfo(print).what)
      print((debug.traceback("said"):gsub("\n.*", "")))
    ]])
    assert.are.equal("1\t3\t3\n4\tC\nsaid\n", result.stdout, result.stderr)
  end)

  it("no more memory than there is for all scripts", function()
    local result = run([[
      local ok, why = pcall(string.rep, "x", 1 << 31)
      print(ok, why)
      local all = {}
      print(pcall(function() for i = 1, 1e9 do all[i] = ("x"):rep(1 << 24) .. i end end))
      all = nil
      print("still here")
    ]])
    local expected = "resulting string too large.*not enough memory\nstill here\n"
    assert.is_truthy(result.stdout:find(expected), result.stdout .. result.stderr)
  end)
end)

---- time ------------------------------------------------------------------------------------------

-- Sequences, in a start: what is stuck ends by itself, whatever it is stuck in.
local site
local LOADED = 240 -- seconds, on a machine that has much else to do

describe("a sequence that computes for ever", function()
  setup(function()
    site = site_module.open({ latency = 0, vms = { vme2 = { prepared = true } } })
  end)

  teardown(function()
    site:close()
  end)

  local stuck = {
    ["with the watchdog asked to go"] = [[
      local loop = require("loop")
      local calls = { function() debug.sethook() end, function() loop.slice(true) end,
        function() loop.watchdog(0) end, function() loop.watchdog(1e9) end,
        function() loop.watchdog(0.4) end }
      while true do
        for _, call in ipairs(calls) do
          pcall(call)
        end
      end]],
    ["in a pattern that goes back"] = [[local text = ("a"):rep(200)
      string.find(text, ("a-"):rep(60) .. "b")]],
    ["in a finalizer"] = [[
      setmetatable({}, { __gc = function() while true do end end })
      collectgarbage()]],
  }
  -- Side by side, because each takes the time that scripts have.
  it("ends by itself: in a loop, a pattern, a finalizer", function()
    local running = {}
    for name, text in pairs(stuck) do
      local overlay = "overlay " .. name
      site:write(overlay .. "/failover/sequences/start.lua", ([[
        local failover = require("failover")
        require("loop").watchdog(0.5) -- so that the test is quick
        return failover.sequence "start" { failover.step "stuck" { within = 60, holds = function()
          %s
        end } }]]):format(text))
      running[name] = site:start({ "start", "vme2" }, {
        lua_path = site.directory .. "/" .. overlay, stderr = "pipe",
        state = site.directory .. "/state " .. name,
      })
    end
    for name, child in pairs(running) do
      local said = {}
      for line in function()
        return child:read_line({ which = "stderr", timeout = LOADED })
      end do
        said[#said + 1] = line
      end
      local result = child:wait(LOADED)
      assert.are_not.equal(0, result.code, name)
      site_module.contains(table.concat(said, "\n"), "SCRIPT_STUCK")
    end
    assert.are.equal(0, #site.admin:changes())
  end)
end)
