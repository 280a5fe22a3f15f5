-- What is wrong outside: files, services, certificates, answers. The real program meets each of it
-- against a lab in a process of its own; each has its own message and code, and nothing is changed.
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local fs = require("fs")
local json = require("json")
local process = require("process")
local site_module = require("support.site")

local contains = site_module.contains

local PREPARED = { vme2 = { prepared = true } }
local BOMB = [[<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">]]
  .. [[<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><l>&c;</l>]]
local HUGE = 100 * 1024 * 1024
local FOREVER = 600 -- seconds
local LITTLE = { "prlimit", "--as=600000000" } -- address space; the threads' stacks are in it
local EDITS = "tests/fixtures/edits/"

-- The usual start, with steps that give up soon: what may pass by itself is waited for, as long as
-- the run has time.
local IMPATIENT = [[
local failover = require("failover")
local gpu = require("failover.steps.gpu")
local vm = require("failover.steps.vm")
local soon = { within = 1 }
return failover.sequence "start" {
  failover.with(vm.not_running_elsewhere, soon), failover.with(vm.known, soon),
  failover.with(gpu.chosen, soon), gpu.may_be_taken, gpu.released, gpu.connected,
}
]]

local site, secure
local before -- changes that the lab knew before the test

setup(function()
  site = site_module.open({ latency = 0, vms = PREPARED })
end)

teardown(function()
  site:close()
  if secure then
    secure:close()
  end
end)

before_each(function()
  site:reset()
  site.admin:clear_faults()
  site:parameters()
  site:write("ms1/secrets/lab", site_module.PASSWORD, { mode = "0600" })
  before = #site.admin:changes()
end)

local function overlay(text)
  site:write("overlay/failover/sequences/start.lua", text)
  return site.directory .. "/overlay"
end

-- Runs start; it must fail with this exit code and say all these pieces, as text and in JSON, and
-- leave the world as it was.
local function start_fails(exit, code, pieces, options)
  options = options or {}
  local at = options.site or site
  local arguments = { "start", "vme2", "--json" }
  table.move(options.arguments or {}, 1, #(options.arguments or {}), #arguments + 1, arguments)
  local result = at:run(arguments, options)
  assert.are.equal(exit_codes[exit], result.code, result.stderr .. result.stdout)
  for _, piece in ipairs(pieces) do
    contains(result.stderr, piece)
  end
  for _, text in ipairs({ result.stderr, result.stdout }) do
    assert.is_nil(text:find("traceback", 1, true), text)
    assert.is_nil(text:find("lua/cli/", 1, true), text)
    assert.is_nil(text:find(site_module.PASSWORD, 1, true))
  end
  assert.are.equal(code, json.decode(result.stdout).failure.code)
  assert.are.equal(at == site and before or 0, #at.admin:changes())
  return result
end

-- The means to run with little memory; nil where that is not possible (AddressSanitizer).
local function with_little_memory()
  local tried = process.run({ LITTLE[1], LITTLE[2], site_module.PROGRAM, "version" })
  return { through = tried.code == 0 and LITTLE or nil }
end

local function soon()
  return { lua_path = overlay(IMPATIENT), arguments = { "--timeout", "6" } }
end

local function eem_fails(rule, code, pieces, options)
  rule.target = "eem"
  site.admin:fault(rule)
  return start_fails(failure.codes[code].exit, code, pieces, options)
end

local function wmi_fails(rule, code, pieces, options)
  rule.target = "ms1"
  site.admin:fault(rule)
  return start_fails(failure.codes[code].exit, code, pieces, options)
end

describe("the administrator's files", function()
  it("with a wrong key are told with line and the right key", function()
    site:parameters({ vm = "\n      hartbeat = true," })
    start_fails("configuration", "CONFIG", {
      "parameters.lua:13: vms.vme2.hartbeat", 'did you mean "heartbeat"?', "nothing was done",
    })
  end)

  it("that are no Lua are told with their line", function()
    site:write("parameters.lua", "return {\n  eem = {,\n}\n")
    start_fails("configuration", "CONFIG", { "parameters.lua:2:" })
  end)

  it("that others may write are refused", function()
    local path = site:parameters()
    fs.write(path, fs.read(path), { mode = "0666" })
    start_fails("configuration", "FS_UNSAFE", { "parameters.lua", "others", "permission" })
  end)

  it("must know the virtual machine and the node", function()
    local result = site:run({ "start", "vme3" })
    assert.are.equal(exit_codes.configuration, result.code)
    contains(result.stderr, 'did you mean "vme2"?')
    start_fails("configuration", "CONFIG", { "there is no node ms9" }, { node = "ms9" })
  end)

  it("without the secret say where it is looked for", function()
    fs.remove(site.directory .. "/ms1/secrets/lab")
    start_fails("configuration", "SECRET_MISSING", {
      "TAKEOVER_SECRET_LAB", site.directory .. "/ms1/secrets/lab", "Nothing was changed.",
    })
  end)

  it("with a secret that others may read are refused", function()
    site:write("ms1/secrets/lab", site_module.PASSWORD, { mode = "0644" })
    start_fails("configuration", "SECRET_UNSAFE", {
      site.directory .. "/ms1/secrets/lab", "Nothing was changed.",
    })
  end)
end)

describe("a sequence", function()
  for _, case in ipairs({
    { "with a syntax error", "syntax.lua", "SCRIPT_ERROR", "start.lua:8:" },
    { "with a misspelt step", "misspelt-step.lua", "SCRIPT_ERROR", "regsitered" },
    { "that calls os.execute", "os-execute.lua", "SCRIPT_ERROR", "process.run" },
  }) do
    it(case[1] .. " is refused with its line", function()
      start_fails("configuration", case[3], { "sequences/start.lua:", case[4] }, {
        lua_path = overlay(fs.read(EDITS .. case[2])),
      })
    end)
  end

  it("with an endless loop is stopped at its line", function()
    start_fails("configuration", "SCRIPT_STUCK", { "sequences/start.lua:6" }, {
      lua_path = overlay(fs.read(EDITS .. "endless-loop.lua")),
    })
  end)
end)

describe("ExpEther Manager", function()
  it("that refuses the password is told as such", function()
    site:parameters({ eem = 'user = "nobody", password = secret "lab"' })
    start_fails("configuration", "EEM_AUTH", { "Nothing was changed." })
  end)

  it("that answers with an error page is told as such, whatever its status", function()
    eem_fails({ effect = "html" }, "EEM_BAD_ANSWER", { "text/html", "Nothing was changed." })
    site.admin:clear_faults()
    eem_fails({ effect = "html", http = 502 }, "EEM_SERVER", { "502" }, soon())
  end)

  it("that answers with half a JSON text is told as such", function()
    eem_fails({ effect = "garbage", body = '{ "device": { "id": "0x8c' }, "EEM_BAD_ANSWER",
      { "unterminated string", "Nothing was changed." })
  end)

  it("that breaks off its answer is told as such", function()
    eem_fails({ effect = "truncate" }, "EEM_UNREACHABLE", { "Nothing was changed." }, soon())
  end)

  it("that answers with 100 MB is cut off", function()
    local result = eem_fails({ effect = "huge", bytes = HUGE }, "EEM_TOO_LARGE",
      { "Nothing was changed." }, with_little_memory())
    assert.is_true(#result.stderr < 2000)
  end)

  it("that refuses connections is told as such", function()
    site:parameters({ eem_url = "http://127.0.0.1:9/eem" })
    start_fails("failed", "EEM_UNREACHABLE", { "127.0.0.1:9", "Nothing was changed." }, soon())
  end)

  it("that does not answer in time is told as such", function()
    site:parameters({ eem = 'user = "' .. site_module.USER
      .. '", password = secret "lab", timeout = 1' })
    eem_fails({ effect = "delay", seconds = FOREVER }, "EEM_TIMEOUT", { "Nothing was changed." },
      soon())
  end)

  it("that has the device in a group of nobody is not overruled", function()
    site:reset({ devices = { [site_module.GPU] = { group_id = 77 } } })
    before = #site.admin:changes()
    start_fails("refused", "REFUSED", { "group 77", "no node", "Nothing was changed." })
  end)

  it("that has no board in this node's group is told with the parameter", function()
    site:parameters({ ms1_group = "51" })
    start_fails("no_device", "NO_DEVICE", { "group 51", "group_id of ms1", "Nothing was changed." })
  end)
end)

describe("WS-Management", function()
  it("that refuses the password is told as such", function()
    site:parameters({ wmi = 'user = "nobody", password = secret "lab", auth = "basic"' })
    start_fails("configuration", "WMI_AUTH", { "Nothing was changed." })
  end)

  it("that reports a fault is told as such, in either form", function()
    wmi_fails({ match = { verb = "Enumerate" }, effect = "error", hresult = 0x80041003,
      text = "a fault of the provider" }, "WMI_ACCESS",
      { "a fault of the provider", "Nothing was changed." })
    site.admin:clear_faults()
    wmi_fails({ match = { verb = "Enumerate" }, effect = "error", code = 0x80338103,
      text = "a fault of the transport" }, "WMI_FAULT",
      { "a fault of the transport", "Nothing was changed." })
  end)

  it("that answers with an XML bomb is refused", function()
    wmi_fails({ effect = "garbage", body = BOMB }, "WMI_BAD_ANSWER",
      { "document type", "Nothing was changed." })
  end)

  it("that answers with 100 MB is cut off", function()
    wmi_fails({ effect = "huge", bytes = HUGE }, "WMI_TOO_LARGE", { "Nothing was changed." },
      with_little_memory())
  end)

  it("that refuses connections is told as such", function()
    site:parameters({ ms1_url = "http://127.0.0.1:9/wsman" })
    start_fails("failed", "WMI_UNREACHABLE", { "127.0.0.1:9", "Nothing was changed." }, soon())
  end)
end)

describe("a certificate that does not verify", function()
  local file

  setup(function()
    file = site.directory .. "/lab"
    local made = process.run({ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
      "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file .. ".key", "-out", file .. ".crt",
      "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1" })
    assert(made.code == 0, made.stderr)
    secure = site_module.open({ latency = 0, vms = PREPARED, tls = {
      certificate = fs.read(file .. ".crt"), key = fs.read(file .. ".key") } })
  end)

  local function with_ca(eem, wmi)
    local credentials = ('user = "%s", password = secret "lab"'):format(site_module.USER)
    local ca = (', ca = "%s.crt"'):format(file)
    secure:parameters({
      eem = credentials .. (eem and ca or ""),
      wmi = credentials .. ', auth = "basic"' .. (wmi and ca or ""),
    })
  end

  it("ends a start before a password is sent, for ExpEther Manager and for a node", function()
    with_ca(false, true)
    start_fails("configuration", "EEM_TLS", { "certificate", "Nothing was changed." },
      { site = secure })
    assert.are.equal(0, secure.admin:requests().eem)
    with_ca(true, false)
    local known = secure.admin:requests().nodes.ms1
    start_fails("configuration", "WMI_TLS", { "certificate", "Nothing was changed." },
      { site = secure })
    assert.are.equal(known, secure.admin:requests().nodes.ms1)
    with_ca(true, true)
    local result = secure:run({ "start", "vme2" })
    assert.are.equal(0, result.code, result.stderr)
  end)
end)

describe("the state directory", function()
  local SECRET = { TAKEOVER_SECRET_LAB = site_module.PASSWORD }

  it("that is a file ends a start before anything is done", function()
    start_fails("not_writable", "JOURNAL_FAILED", { "--state" }, {
      state = site:write("a file", ""), env = SECRET,
    })
  end)

  it("with a damaged journal does not keep a start; the file is moved aside as it was", function()
    local path = site:write("odd/journal.db", ("no database "):rep(1000))
    local options = { state = site.directory .. "/odd", env = SECRET }
    local result = site:run({ "start", "vme2" }, options)
    assert.are.equal(0, result.code, result.stderr)
    contains(result.stderr, "the journal was damaged: it is " .. path .. ".damaged-")
    local kept = 0
    for _, name in ipairs(fs.list(site.directory .. "/odd")) do
      if name:find("^journal%.db%.damaged%-%d+$") then
        kept = kept + 1
        assert.are.equal(("no database "):rep(1000), fs.read(site.directory .. "/odd/" .. name))
      end
    end
    assert.are.equal(1, kept)
    result = site:run({ "history" }, options)
    assert.are.equal(0, result.code, result.stderr)
    contains(result.stdout, "start")
  end)

  it("in which files may not grow ends a start", function()
    start_fails("not_writable", "JOURNAL_FAILED", { "journal" }, {
      state = site.directory .. "/small", env = SECRET, through = { "prlimit", "--fsize=8192" },
    })
    local options = { state = site.directory .. "/small", env = SECRET }
    local result = site:run({ "history" }, options)
    assert.are.equal(exit_codes.not_writable, result.code)
    contains(result.stderr, "nothing is written in it yet")
    result = site:run({ "start", "vme2" }, options) -- there is room again
    assert.are.equal(0, result.code, result.stderr)
  end)

  local own_mounts = process.run({ "unshare", "-m", "true" }).code == 0 and it or pending
  own_mounts("on a disk that is full, or may not be written, ends a start", function()
    for option, piece in pairs({ ["size=16k"] = "full", ro = "only file system" }) do
      local state = site.directory .. "/disk"
      fs.make_directory(state)
      start_fails("not_writable", "JOURNAL_FAILED", { state, piece }, { state = state, env = SECRET,
        through = { "unshare", "-m", "sh", "-c",
          'mount -t tmpfs -o "mode=0755,$0" none "$1" && shift && exec "$@"', option, state } })
    end
  end)
end)
