-- A neighbour with an account on the same computer: what he may read, hold, exchange or prepare
-- must not stop a failover, change what runs, or show him anything. The real program meets each
-- attempt.
local exit_codes = require("core.exit_codes")
local folder = require("cli.folder")
local fs = require("fs")
local process = require("process")
local site_module = require("support.site")

local contains = site_module.contains
local NOBODY = "65534"
local ROOT = fs.find("/proc/self").owner == 0
local as_root = ROOT and it or pending

local site

setup(function()
  site = site_module.open({ latency = 0, vms = { vme2 = { prepared = true } } })
end)

teardown(function()
  site:close()
end)

local state
local count = 0

before_each(function()
  site:reset()
  site:parameters()
  count = count + 1
  state = site.directory .. "/state" .. count
end)

local function sh(command, ...)
  local result = process.run({ "sh", "-c", command, "sh", ... })
  assert.are.equal(0, result.code, result.stderr)
  return result.stdout
end

local function run(command, options)
  options = options or {}
  options.state = options.state or state
  options.env = options.env or {}
  if options.env.TAKEOVER_SECRET_LAB == nil then
    options.env.TAKEOVER_SECRET_LAB = site_module.PASSWORD
  end
  return site:run(command, options)
end

local function start_is_refused(code, piece)
  site:reset()
  local result = run({ "start", "vme2" })
  assert.are.equal(exit_codes[code], result.code, result.stderr)
  contains(result.stderr, piece)
  assert.are.equal(0, #site.admin:changes())
end

-- Whatever a start is refused for: a stop that fails would make the cluster shut the server down.
local function stop_succeeds()
  local result = run({ "stop", "vme2" })
  assert.are.equal(0, result.code, result.stderr)
  contains(result.stderr, "warning")
end

describe("the state directory", function()
  it("is for the running user alone, whatever the umask", function()
    local through = { "sh", "-c", 'umask 000; exec "$@"', "sh" }
    assert.are.equal(0, run({ "start", "vme2" }, { through = through }).code)
    assert.are.equal(0, run({ "drain", "ms2", "--go" }, { through = through }).code)
    site:write("canary", "") -- so that the list is not empty for another reason
    local canary = site.directory .. "/canary"
    assert.are.equal(canary .. "\n", sh('find "$1" "$2" -perm /077', state, canary))
    local modes = sh('stat -c %a "$1" "$1/journal.db" "$1/locks" | xargs', state)
    assert.are.equal("700 600 700\n", modes)
  end)

  it("of an earlier version is closed to others at the next run", function()
    assert.are.equal(0, run({ "start", "vme2" }).code)
    sh('cd "$1" && chmod 755 locks claims && chmod 644 locks/* claims/* journal.db', state)
    assert.are.equal(0, run({ "stop", "vme2" }).code)
    assert.are.equal(0, run({ "start", "vme2" }).code)
    assert.are.equal("", sh('find "$1"/locks "$1"/claims "$1/journal.db" -perm /077', state))
  end)

  as_root("has no lock that another user can hold, and no journal that he can read", function()
    assert.are.equal(0, run({ "start", "vme2" }).code)
    for _, name in ipairs({ "locks/vme2", "journal.db", "claims/0x8cdf9d911c60" }) do
      local result = process.run({
        "setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups",
        "flock", "-s", "-n", state .. "/" .. name, "true",
      })
      assert.are_not.equal(0, result.code, name)
      contains(result.stderr, "Permission denied")
    end
  end)

  it("that others may change is refused, but stops nobody from stopping", function()
    for _, mode in ipairs({ "0777", "1777", "0775" }) do
      sh('rm -rf "$1"; mkdir "$1"; chmod ' .. mode .. ' "$1"', state)
      start_is_refused("not_writable", "may be changed by")
      stop_succeeds()
    end
  end)

  as_root("of another user, or below one of his, is refused", function()
    sh('mkdir "$1"; chown 65534 "$1"', state)
    start_is_refused("not_writable", "belongs to user 65534")
    stop_succeeds()
    state = state .. "/below"
    sh('mkdir "$1"', state)
    start_is_refused("not_writable", "belongs to user 65534")
  end)

  it("with something else in a lock's place is refused, but stops nobody from stopping", function()
    for _, make in ipairs({
      'ln -s /etc/hostname "$1"', 'mkfifo "$1"', 'touch "$1.x"; ln "$1.x" "$1"', 'mkdir "$1"',
    }) do
      sh('rm -rf "$1"; mkdir -p "$1/locks"; chmod -R go= "$1"', state)
      sh(make, state .. "/locks/vme2")
      start_is_refused("not_writable", state .. "/locks/vme2")
      stop_succeeds()
    end
  end)

  it("never gets a name that leads out of it", function()
    local text = fs.read(site.directory .. "/parameters.lua")
    for _, name in ipairs({
      "../../evil", "a/b", "NUL", "CON", "..", ("x"):rep(300), "a\\b", "\1",
    }) do
      site:write("parameters.lua", (text:gsub("vme2 = {", function()
        return ("[%q] = {"):format(name)
      end)))
      run({ "start", name })
    end
    local found = sh('find "$1" -iname "*evil*" -not -path "$2/locks/*"', site.directory, state)
    assert.are.equal("", found)
    assert.are.equal("", sh('find "$1" -mindepth 2', state .. "/locks"))
    assert.is_nil(fs.find(site.directory .. "/evil"))
  end)

  it("has no file that is a device of Windows, and none with a name too long", function()
    local file_name = require("cli.session").file_name
    for name, file in pairs({
      vme2 = "vme2", NUL = "%4EUL", con = "%63on", COM1 = "%43OM1", lpt9 = "%6Cpt9", com = "com",
      [".."] = "%2E%2E", ["a/b\\c"] = "a%2Fb%5Cc", ["\0"] = "%00",
    }) do
      assert.are.equal(file, file_name(name))
    end
    local long = file_name(("x"):rep(300))
    assert.is_true(#long < 200)
    assert.are_not.equal(long, file_name(("x"):rep(301)))
  end)
end)

---- code ------------------------------------------------------------------------------------------

local install

-- A copy of the program, whose files a neighbour may touch.
local function installed()
  if not install then
    install = folder.temporary()
    local program = site_module.PROGRAM
    sh([[cp "$1" "$3/takeover" && cd "$(dirname "$1")" && cp -rL lua lua-vendor "$3/" &&
      chmod -R go-w "$3" && cp "$2" "$3/parameters.lua"]], program,
      site.directory .. "/parameters.lua", install)
  end
  return install
end

teardown(function()
  if install then
    folder.remove(install)
  end
end)

describe("code that others may change", function()
  local commands = {
    { "version" }, { "status" }, { "gpu", "list" }, { "history" }, { "drain", "ms1" },
    { "secret", "list" }, { "start", "vme2" }, { "monitor", "vme2" }, { "certify" },
  }

  for _, file in ipairs({
    "lua/cli/boot.lua", "lua/cli/main.lua", "lua/cli/output.lua", "lua-vendor/argparse.lua",
  }) do
    it("does not run in any command: " .. file, function()
      local path = installed() .. "/" .. file
      sh('chmod o+w "$1"', path)
      for _, command in ipairs(commands) do
        local arguments = {
          install .. "/takeover", "--parameters", install .. "/parameters.lua",
          "--node", "ms1", "--state", state, timeout = 30,
        }
        local result = process.run(table.move(command, 1, #command, #arguments + 1, arguments))
        assert.are.equal(exit_codes.configuration, result.code,
          table.concat(command, " ") .. result.stderr .. result.stdout)
        contains(result.stderr, "may be changed by everybody")
        assert.is_nil(result.stderr:find("traceback", 1, true), result.stderr)
      end
      sh('chmod o-w "$1"', path)
      assert.are.equal(0, process.run({ install .. "/takeover", "version" }).code)
    end)
  end

  it("runs where it is said so", function()
    sh('chmod o+w "$1/lua/cli/boot.lua" "$1/lua/cli/output.lua"', installed())
    local result = process.run({ install .. "/takeover", "--trust-writable-files", "version" })
    sh('chmod o-w "$1/lua/cli/boot.lua" "$1/lua/cli/output.lua"', install)
    assert.are.equal(0, result.code, result.stderr)
  end)

  it("does not run as a script, a scenario or a sequence of one's own", function()
    local script = site:write("script.lua", "print('ran')")
    sh('chmod o+w "$1"', script)
    local result = run({ "run", script })
    assert.are.equal(exit_codes.configuration, result.code, result.stderr)
    assert.are.equal("", result.stdout)
    local story = site:write("story.lua", 'story "x"')
    sh('chmod o+w "$1"', story)
    assert.are_not.equal(0, run({ "test", story }).code)
  end)

  as_root("does not run behind a chain of links through another user's folder", function()
    local theirs = site.directory .. "/theirs"
    sh([[mkdir "$1"; chown 65534 "$1"; ln -s "$2" "$1/way"; ln -s "$1/way" "$3"]], theirs,
      site:write("real/script.lua", "print('ran')"):match("^(.*)/"), site.directory .. "/chain")
    local result = run({ "run", site.directory .. "/chain/script.lua" })
    assert.are.equal(exit_codes.configuration, result.code, result.stderr)
    contains(result.stderr, theirs .. " belongs to user 65534")
  end)

  it("is not found through another user's environment", function()
    local evil = site:write("evil/argparse.lua", "print('EVIL')"):match("^(.*)/")
    site:write("evil/init.lua", "print('EVIL')")
    local result = run({ "version" }, { env = {
      LUA_PATH = evil .. "/?.lua", LUA_PATH_5_4 = evil .. "/?.lua", LUA_CPATH = evil .. "/?.so",
      LUA_INIT = "@" .. evil .. "/init.lua", LUA_INIT_5_4 = "print('EVIL')",
    } })
    assert.are.equal(0, result.code)
    assert.is_nil((result.stdout .. result.stderr):find("EVIL", 1, true))
  end)

  as_root("does not run out of a state directory that anybody may own", function()
    site:parameters({ more = 'certificate = "fall back",' })
    local digest = require("digest")
    local text = "print('EVIL')"
    fs.make_directory(state .. "/certified/failover/sequences")
    fs.write(state .. "/certified/failover/sequences/start.lua", text)
    fs.write(state .. "/certificate.json", require("json").encode({
      files = { ["failover/sequences/start.lua"] = digest.sha256(text) }, verdict = {},
    }))
    sh('chown -R 65534 "$1"', state)
    local result = run({ "start", "vme2" })
    assert.are_not.equal(0, result.code)
    contains(result.stderr, "belongs to user 65534")
    assert.is_nil((result.stdout .. result.stderr):find("EVIL", 1, true))
  end)

  it("of a certificate that is none does not run, and is said", function()
    for policy, code in pairs({
      warn = "ok", refuse = "configuration", ["fall back"] = "configuration",
    }) do
      for _, text in ipairs({ "", "x", "[]", "{}", '{"files":7}', '{"files":{"../x":"y"}}' }) do
        site:reset()
        site:parameters({ more = ('certificate = %q,'):format(policy) })
        sh('mkdir -p "$1"', state)
        fs.write(state .. "/certificate.json", text)
        local result = run({ "start", "vme2" })
        assert.are.equal(exit_codes[code], result.code, policy .. text .. result.stderr)
        contains(result.stderr, "certif")
      end
    end
  end)
end)

describe("a parameters file", function()
  for name, text in pairs({
    ["that goes back in a pattern"] = 'return { eem = ("a"):rep(40):find(("a-"):rep(40) .. "b") }',
    ["that takes all memory"] = 'local t = {} for i = 1, 1e9 do t[i] = {} end return t',
    ["that holds itself"] = "local t = {} t.eem = t t.nodes = t t.vms = t return t",
    ["with keys of every kind"] = "return { [print or 1.5] = 1, [true] = {}, [{}] = 1, eem = {} }",
    ["whose texts are functions"] = "return { eem = tostring, nodes = pairs, vms = ipairs }",
    ["nested deeply"] = "return " .. ("{"):rep(180) .. ("}"):rep(180),
    ["with numbers that are none"] = "return { eem = { timeout = 0/0 },"
      .. " quarantine = { first = 1/0 }, nodes = { a = { group_id = 2^63 } },"
      .. " vms = { [0/1] = {} } }",
    ["that raises a table"] = "return secret({})",
    ["that calls itself"] = "local function f() return 1 + f() end return f()",
    ["with a huge text"] = "return { state = table.concat({ ('x') }, '', 1, 1e9) }",
    ["with bytes of any kind"] = "\27Lua\0\1\2",
  }) do
    it(name .. " is a mistake in the configuration", function()
      site:write("parameters.lua", text)
      local result = run({ "start", "vme2" }, { timeout = 30 })
      assert.are.equal(exit_codes.configuration, result.code, result.stderr)
      contains(result.stderr, "parameters.lua:")
      assert.is_nil(result.stderr:find("traceback", 1, true), result.stderr)
    end)
  end
end)

describe("fifty starts at once", function()
  it("are one: the others are busy, or find it running; nothing is claimed twice", function()
    local running = {}
    for i = 1, 50 do
      running[i] = site:start({ "start", "vme2" }, {
        state = state, env = { TAKEOVER_SECRET_LAB = site_module.PASSWORD },
      })
    end
    local codes = {}
    for _, child in ipairs(running) do
      local code = child:wait(60).code
      codes[code] = (codes[code] or 0) + 1
    end
    local well = (codes[0] or 0) + (codes[exit_codes.busy] or 0)
    assert.are.equal(50, well)
    assert.is_true(codes[0] >= 1)
    assert.are.same({ "ms1" }, site:vm().running)
    assert.are.equal(0, #site.admin:request("GET", "violations").violations)
  end)
end)
