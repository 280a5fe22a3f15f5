-- Logins and encrypted messages against programs that share no code with Takeover: MIT's KDC, and
-- an acceptor in python3-gssapi (support/acceptor.py).
local kdc_module = require("support.kdc")
local json = require("json")
local loop = require("loop")
local process = require("process")

local PYTHON = "/usr/bin/python3"
local USER, PASSWORD = "operator@EXAMPLE.TEST", "pa55word"
local HOST = "HTTP/localhost@EXAMPLE.TEST"

local function has_gssapi()
  local ok, result = pcall(process.run, { PYTHON, "-c", "import gssapi" })
  return ok and result.code == 0
end

describe("a login to WinRM #slow", function()
  local kdc, keytab, acceptor, lacking

  lazy_setup(function()
    local why
    kdc, why = kdc_module.open()
    lacking = why or (not has_gssapi() and "python3-gssapi is not installed") or nil
    if not lacking then
      kdc:add(USER, PASSWORD)
      kdc:add("other@EXAMPLE.TEST")
      kdc:add("expired@EXAMPLE.TEST", PASSWORD, "-pwexpire yesterday")
      kdc:add(HOST)
      keytab = kdc:keytab(HOST, "http.keytab")
    end
  end)

  lazy_teardown(function()
    if kdc then
      kdc:close()
    end
  end)

  after_each(function()
    if acceptor then
      acceptor.child:close()
      acceptor = nil
    end
  end)

  local function start(mode, env)
    local all = {}
    for name, value in pairs(kdc.env) do
      all[name] = value
    end
    for name, value in pairs(env or {}) do
      all[name] = value
    end
    local child = process.start({
      PYTHON, "tests/spec/support/acceptor.py", keytab, mode or "", env = all, stdout = "pipe",
      stderr = "inherit",
    })
    acceptor = { child = child, port = tonumber((child:read_line({ timeout = 20 }))) }
    return acceptor
  end

  -- What the acceptor read, so far.
  local function heard()
    local line = acceptor.child:read_line({ timeout = 0.2 })
    return line
  end

  -- wmi.open and some calls of identify in a program of its own, since Kerberos reads its
  -- configuration from the environment. Gives the last answer, or the failure.
  local function identify(options, given)
    given = given or {}
    options.url = options.url or ("http://localhost:%d/wsman"):format(acceptor.port)
    options.timeout = options.timeout or 10
    local env = {}
    for name, value in pairs(kdc.env) do
      env[name] = value
    end
    for name, value in pairs(given.env or {}) do
      env[name] = value
    end
    local result = process.run({
      loop.executable(), "run", "tests/spec/support/identify.lua", json.encode(options),
      tostring(given.times or 1), env = env, timeout = 60,
    })
    assert.equal(0, result.code, result.stderr)
    return json.decode(result.stdout)
  end

  local function it_if_there(title, fn)
    it(title, function()
      if lacking then
        pending(lacking)
        return
      end
      fn()
    end)
  end

  it_if_there("is by Kerberos with user and password, and every message is encrypted", function()
    start()
    local answer = identify({ user = USER, password = PASSWORD }, { times = 3 })
    assert.equal("python3-gssapi", answer.vendor)
    assert.equal("Kerberos as operator@EXAMPLE.TEST, messages encrypted", answer.security)
    assert.matches(
      "^application/HTTP%-SPNEGO%-session%-encrypted Kerberos operator@EXAMPLE.TEST %d+$", heard())
  end)

  it_if_there("takes an account as Windows writes it", function()
    start()
    for _, user in ipairs({ "EXAMPLE.TEST\\operator", "operator@example.test", "operator" }) do
      assert.equal("Kerberos as operator@EXAMPLE.TEST, messages encrypted",
        identify({ user = user, password = PASSWORD }).security)
    end
  end)

  it_if_there("is by a keytab, and by a ticket, when these are asked for", function()
    start()
    local other = kdc:keytab("other@EXAMPLE.TEST", "other.keytab")
    assert.equal("Kerberos as other@EXAMPLE.TEST, messages encrypted",
      identify({ keytab = other }).security)
    assert.matches("no ticket", identify({ ticket = true }).message)
    kdc:ticket("other@EXAMPLE.TEST", other)
    assert.equal("Kerberos as other@EXAMPLE.TEST, messages encrypted",
      identify({ ticket = true }).security)
    assert.equal("WMI_AUTH", identify({ ticket = true, user = USER }).code)
    kdc:run("kdestroy")
  end)

  it_if_there("never is as the owner of a ticket that lies there", function()
    start()
    local other = kdc:keytab("other@EXAMPLE.TEST", "other.keytab")
    kdc:ticket("other@EXAMPLE.TEST", other)
    local failure = identify({ user = USER, password = "wrong" })
    assert.equal("WMI_AUTH", failure.code)
    assert.matches("Preauthentication failed", failure.message)
    assert.matches("nothing was sent", failure.hint)
    assert.is_nil(heard())
    assert.equal("Kerberos as operator@EXAMPLE.TEST, messages encrypted",
      identify({ user = USER, password = PASSWORD }).security)
    kdc:run("kdestroy")
  end)

  it_if_there("fails in Kerberos' own words, with what to do", function()
    start()
    local cases = {
      { "nobody@EXAMPLE.TEST", "not found in Kerberos database", "no such account" },
      { "operator@NOWHERE.TEST", "Cannot find KDC for realm", "krb5.conf or DNS" },
      { "expired@EXAMPLE.TEST", "Password has expired", "set a new one" },
    }
    for _, case in ipairs(cases) do
      local failure = identify({ user = case[1], password = PASSWORD, auth = "kerberos" })
      assert.equal("WMI_AUTH", failure.code)
      assert.matches(case[2], failure.message)
      assert.matches(case[3], failure.hint)
      assert.is_falsy(failure.transient)
    end
    local stranger = identify({ user = USER, password = PASSWORD, auth = "kerberos",
      url = ("http://127.0.0.1:%d/wsman"):format(acceptor.port) })
    assert.matches("HTTP/127.0.0.1@EXAMPLE.TEST not found", stranger.message)
    assert.matches("full DNS name", stranger.hint)
    assert.is_nil(heard())
  end)

  it_if_there("waits for no KDC that is down, and does not take that for a dead host", function()
    start()
    kdc:stop()
    local failure = identify({ user = USER, password = PASSWORD, auth = "kerberos" })
    kdc:start()
    assert.equal("WMI_LOGIN", failure.code)
    assert.is_true(failure.transient)
    assert.matches("Cannot contact any KDC", failure.message)
    assert.is_nil(heard())
  end)

  it_if_there("ends in its time where the KDC is silent", function()
    start()
    local silent = assert(process.start({ PYTHON, "-c",
      "import socket,time;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1],"
        .. "flush=True);time.sleep(600)", stdout = "pipe" }))
    local port = silent:read_line({ timeout = 10 })
    local config = kdc.directory .. "/silent.conf"
    local fs = require("fs")
    fs.write(config, (fs.read(kdc.config):gsub("kdc = 127.0.0.1:%d+", "kdc = 127.0.0.1:" .. port)))
    local failure = identify({ user = USER, password = PASSWORD, timeout = 1 },
      { env = { KRB5_CONFIG = config } })
    silent:close()
    assert.equal("WMI_LOGIN", failure.code)
    assert.matches("in time", failure.message)
    assert.is_true(failure.seconds < 5)
  end)

  it_if_there("refuses an answer that is not encrypted as agreed", function()
    for mode, words in pairs({
      clear = "without encryption", tampered = "not encrypted as agreed",
      replayed = "not encrypted as agreed", wrong_length = "bytes long instead of",
    }) do
      start(mode)
      local failure = identify({ user = USER, password = PASSWORD }, { times = 2 })
      assert.equal("WMI_SEAL", failure.code, mode)
      assert.matches(words, failure.message)
      acceptor.child:close()
      acceptor = nil
    end
  end)

  it_if_there("refuses a host that does not prove who it is", function()
    start("silent")
    local failure = identify({ user = USER, password = PASSWORD })
    assert.equal("WMI_AUTH", failure.code)
    assert.matches("did not prove who it is", failure.message)
    assert.is_nil(heard())
  end)

  it_if_there("is made anew when the host has forgotten it", function()
    start("forgets")
    local answer = identify({ user = USER, password = PASSWORD }, { times = 4 })
    assert.equal("python3-gssapi", answer.vendor)
  end)

  it_if_there("is made anew when its ticket is about to expire", function()
    kdc:run("kadmin.local", "-r", "EXAMPLE.TEST", "-q", 'modprinc -maxlife "20 seconds" ' .. USER)
    start()
    local answer = identify({ user = USER, password = PASSWORD }, { times = 3 })
    kdc:run("kadmin.local", "-r", "EXAMPLE.TEST", "-q", 'modprinc -maxlife "10 hours" ' .. USER)
    assert.equal("python3-gssapi", answer.vendor)
  end)

  it_if_there("is by NTLM where Kerberos does not know the account", function()
    local users = kdc.directory .. "/ntlm.users"
    require("fs").write(users, "MS1:local:ntpass\n", { mode = "0600" })
    start(nil, { NTLM_USER_FILE = users })
    local answer = identify({ user = "MS1\\local", password = "ntpass" })
    if answer.code and not answer.message:find("NTLM") then
      pending("gss-ntlmssp is not installed")
      return
    end
    assert.equal("NTLM as MS1\\local, messages encrypted", answer.security)
    assert.matches("NTLM MS1\\local", heard())
    local refused = identify({ user = "MS1\\local", password = "wrong" })
    assert.equal("WMI_AUTH", refused.code)
    assert.matches("NTLM, which was tried instead, the host refused", refused.message)
  end)
end)
