-- A whole failover against nodes that ask as a Windows server does out of the box: Kerberos, and
-- every message encrypted. A recorder on the wire keeps all bytes.
local fs = require("fs")
local json = require("json")
local kdc_module = require("support.kdc")
local loop = require("loop")
local process = require("process")
local site_module = require("support.site")

local PYTHON = "/usr/bin/python3"
local REALM = "@EXAMPLE.TEST"

local LEGACY = [[
openssl_conf = a
[a]
providers = b
[b]
default = c
legacy = c
[c]
activate = 1
]]

describe("WinRM as a Windows server has it #slow", function()
  local kdc, why, keytab, site, recorders

  lazy_setup(function()
    kdc, why = kdc_module.open()
    if kdc then
      kdc:add(site_module.USER .. REALM, site_module.PASSWORD)
      kdc:add("stranger" .. REALM, site_module.PASSWORD)
      kdc:add("HTTP/localhost" .. REALM)
      keytab = kdc:keytab("HTTP/localhost" .. REALM, "http.keytab")
    end
  end)

  lazy_teardown(function()
    if kdc then
      kdc:close()
    end
  end)

  before_each(function()
    recorders = {}
  end)

  after_each(function()
    for _, recorder in pairs(recorders) do
      recorder.child:close()
    end
    if site then
      site:close()
      site = nil
    end
  end)

  local function with_kdc(more)
    local env = {}
    for _, part in ipairs({ kdc.env, more or {} }) do
      for name, value in pairs(part) do
        env[name] = value
      end
    end
    return env
  end

  local function record(node)
    local port = site.lab.nodes[node].url:match(":(%d+)/")
    local file = ("%s/%s.wire"):format(site.directory, node)
    local child = process.start({
      PYTHON, "tests/spec/support/recorder.py", port, file, stdout = "pipe", stderr = "inherit",
    })
    local own_port = child:read_line({ timeout = 20 })
    local url = ("http://localhost:%s/wsman"):format(own_port)
    recorders[node] = { child = child, file = file, url = url }
    return url
  end

  local function open(options, login)
    local given = { auth = "negotiate", keytab = keytab, env = kdc.env }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    site = site_module.open(given)
    site:parameters({
      wmi = login or ('user = "%s", password = secret "lab"'):format(site_module.USER .. REALM),
      ms1_url = record("ms1"), ms2_url = record("ms2"),
    })
    return site
  end

  local function run(arguments, node, code)
    local result = site:run(arguments, { node = node })
    assert.equal(code or 0, result.code, result.stdout .. result.stderr)
    return result
  end

  -- Nothing of what was said can be read on the wire.
  local function assert_encrypted(node)
    local wire = fs.read(recorders[node].file)
    site_module.contains(wire, "application/HTTP-SPNEGO-session-encrypted")
    for _, word in ipairs({ "Envelope", "Msvm_", "SELECT", "vme2", "schemas.microsoft.com",
      site_module.PASSWORD, "Basic " }) do
      assert.is_nil(wire:find(word, 1, true), word .. " can be read on the wire")
    end
    return wire
  end

  local function it_if_there(title, fn)
    it(title, function()
      if kdc then
        fn()
      else
        pending(why)
      end
    end)
  end

  local function fail_over()
    run({ "start", "vme2" }, "ms1")
    assert.same({ "ms1" }, site:vm().running)
    run({ "stop", "vme2" }, "ms1")
    site.admin:give_disk("ms2")
    run({ "start", "vme2" }, "ms2")
    assert.same({ "ms2" }, site:vm().running)
    run({ "monitor", "vme2" }, "ms2")
    assert_encrypted("ms1")
    assert_encrypted("ms2")
  end

  it_if_there("carries a failover by user and password", function()
    open()
    fail_over()
  end)

  it_if_there("carries a failover by a keytab", function()
    local file = kdc:keytab(site_module.USER .. REALM, "script.keytab")
    open(nil, ('keytab = "%s"'):format(file))
    fail_over()
  end)

  it_if_there("logs in once for a connection, not for a request", function()
    open()
    run({ "start", "vme2" }, "ms1")
    local wire = assert_encrypted("ms1")
    local _, logins = wire:gsub("Authorization: Negotiate", "")
    local _, requests = wire:gsub("POST /wsman", "")
    assert.is_true(logins <= 4 and requests > 5 * logins, ("%d of %d"):format(logins, requests))
  end)

  it_if_there("says in check's line how it was", function()
    open()
    local result = run({ "check" }, "ms1")
    site_module.contains(result.stdout, "Kerberos as operator@EXAMPLE.TEST, messages encrypted")
  end)

  it_if_there("lets nobody do anything who may log in, but not administer", function()
    open(nil, 'user = "stranger@EXAMPLE.TEST", password = secret "lab"')
    local result = site:run({ "start", "vme2" }, { node = "ms1" })
    assert.is_true(result.code ~= 0)
    site_module.contains(result.stdout .. result.stderr, "WMI_ACCESS")
    assert.same({}, site:changes())
  end)

  it_if_there("refuses Basic and what is not encrypted, as Windows does", function()
    open()
    local url = "http://127.0.0.1:" .. site.lab.nodes.ms1.url:match(":(%d+)/") .. "/wsman"
    local http = require("http").open({})
    local answer = http:request("POST", url, { body = "<s:Envelope/>" })
    assert.equal(401, answer.status)
    local connection = require("wmi").open({ url = url, user = site_module.USER, auth = "basic",
      password = site_module.PASSWORD })
    local _, problem = loop.guard(connection.identify, connection)
    assert.equal("WMI_AUTH", problem.code)
    site_module.contains(problem.hint, "does not take Basic")
    http:close()
    connection:close()
  end)

  it_if_there("gives 500 objects in one enumeration", function()
    local cluster = json.decode(json.encode((require("lab.clusters.seed"))))
    for i = 1, 500 do
      cluster.vms[#cluster.vms + 1] = {
        name = "many" .. i, id = ("7A0E5F2C-3B61-4C1D-9E57-%012X"):format(i), generation = 2,
        root = [[C:\Hyper-V\many]] .. i, disks = {}, adapters = {}, memory = 16, processors = 1,
        registered = "ms1",
      }
    end
    open({ cluster = cluster })
    local result = process.run({
      loop.executable(), "run", "tests/spec/support/count.lua", json.encode({
        user = site_module.USER .. REALM, password = site_module.PASSWORD,
        url = site.lab.nodes.ms1.url:gsub("127.0.0.1", "localhost"),
      }), "SELECT * FROM Msvm_ComputerSystem", env = with_kdc(), timeout = 60,
    })
    assert.equal(0, result.code, result.stderr)
    assert.is_true(tonumber(result.stdout) >= 500, result.stdout)
  end)

  it_if_there("goes on after a server that restarted", function()
    open()
    run({ "start", "vme2" }, "ms1")
    recorders.ms1.child:close() -- all its connections end
    recorders.ms1 = nil
    site:parameters({
      wmi = ('user = "%s", password = secret "lab"'):format(site_module.USER .. REALM),
      ms1_url = record("ms1"), ms2_url = record("ms2"),
    })
    run({ "monitor", "vme2" }, "ms1")
  end)

  it_if_there("is understood by pywinrm, which shares no code with it", function()
    local users = kdc.directory .. "/ntlm.users"
    fs.write(users, ("EXAMPLE:%s:%s\n"):format(site_module.USER, site_module.PASSWORD),
      { mode = "0600" })
    open({ env = with_kdc({ NTLM_USER_FILE = users }) })
    if process.run({ PYTHON, "-c", "import winrm, requests_ntlm" }).code ~= 0 then
      pending("python3-winrm is not installed")
      return
    end
    local file = site:write("envelope.xml",
      '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        .. 'xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Header/>'
        .. "<s:Body><i:Identify/></s:Body></s:Envelope>")
    local result = process.run({
      PYTHON, "tests/spec/support/pywinrm.py", recorders.ms1.url, "EXAMPLE\\" .. site_module.USER,
      site_module.PASSWORD, file, timeout = 60,
      env = { OPENSSL_CONF = site:write("openssl.cnf", LEGACY) }, -- NTLM needs MD4
    })
    assert.equal(0, result.code, result.stderr)
    site_module.contains(result.stdout, "IdentifyResponse")
    assert_encrypted("ms1")
  end)

  it_if_there("carries a failover by NTLM", function()
    local users = kdc.directory .. "/ntlm.users"
    fs.write(users, ("EXAMPLE:%s:%s\n"):format(site_module.USER, site_module.PASSWORD),
      { mode = "0600" })
    open({ env = with_kdc({ NTLM_USER_FILE = users }) },
      ([[user = "EXAMPLE\\%s", password = secret "lab", auth = "ntlm"]]):format(site_module.USER))
    local result = site:run({ "check" }, { node = "ms1" })
    if (result.stdout .. result.stderr):find("NTLM is not installed", 1, true) then
      pending("gss-ntlmssp is not installed")
      return
    end
    fail_over()
  end)
end)
