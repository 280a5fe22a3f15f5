-- Servers that are not what they should be, over real sockets, for ExpEther Manager and for a node:
-- each is told by its own code, inside its time and in little memory; the password goes to nobody
-- else; and where a change was asked for it is said that it may have been executed.
local fs = require("fs")
local folder = require("cli.folder")
local json = require("json")
local loop = require("loop")
local process = require("process")
local site_module = require("support.site")

local SECONDS = 1.5 -- that the client waits for an answer
local LONGEST = 20 -- seconds, on a busy machine
local PEAK = 160 * 1024 -- KiB of a client, also where 100 MB are sent

-- One request to the server at `url` by a client in a process of its own; what came of it as JSON.
local CLIENT = [[
local kind, url = ...
local loop = require("loop")
local began = loop.now()
local login = { url = url, user = "u", password = "geheim-canary", timeout = %g }
local function ask()
  if kind:find("eem") then
    local e = require("eem").open(login)
    return kind == "eem" and e:devices() or e:audit("0x8cdf9d911c60")
  end
  login.auth = "basic"
  local w = require("wmi").open(login)
  if kind == "wmi" then
    return w:query("SELECT * FROM Msvm_ComputerSystem")
  end
  return w:call('Msvm_ComputerSystem.Name="a"', "RequestStateChange", { RequestedState = 2 })
end
local ok, failed = loop.guard(ask)
local status = io.open("/proc/self/status"):read("a")
print(require("json").encode({
  ok = ok, code = not ok and failed.code or nil, text = not ok and tostring(failed) or nil,
  maybe = not ok and failed.maybe_executed or false, seconds = loop.now() - began,
  peak = math.tointeger(status:match("VmHWM:%%s*(%%d+)")),
}))
]]

local directory, server, client
local children = {}

setup(function()
  directory = folder.temporary()
  server, client = directory .. "/server", directory .. "/client.lua"
  fs.write(client, CLIENT:format(SECONDS))
  local built = process.run({
    os.getenv("CC") or "cc", "-D_GNU_SOURCE", "-o", server, "tests/fixtures/hostile_server.c",
    timeout = 60,
  })
  assert.are.equal(0, built.code, built.stderr)
end)

teardown(function()
  folder.remove(directory)
end)

after_each(function()
  for _, child in ipairs(children) do
    child:close()
  end
  children = {}
end)

-- Starts a server; gives its port.
local function serve(...)
  local child = process.start({ server, stdout = "pipe", stderr = "discard", ... })
  children[#children + 1] = child
  return child:read_line({ timeout = 20 }), child
end

local KINDS = { "eem", "eem change", "wmi", "wmi change" }

-- All four kinds of requests at the same time; results by kind.
local function ask_all(port, scheme)
  local running, results = {}, {}
  for _, kind in ipairs(KINDS) do
    running[kind] = process.start({
      site_module.PROGRAM, "run", client, kind,
      ("%s://127.0.0.1:%s/x"):format(scheme or "http", port),
      stdout = "pipe", stderr = "inherit",
    })
    children[#children + 1] = running[kind]
  end
  for _, kind in ipairs(KINDS) do
    local line = running[kind]:read_line({ timeout = 60 })
    results[kind] = json.decode(assert(line, "the client ended without a word"))
  end
  return results
end

-- expected: suffixes of the code that is right, for EEM and for a node.
local function are_told(results, expected, may_be)
  for _, kind in ipairs(KINDS) do
    local r = results[kind]
    local prefix = kind:find("eem") and "EEM_" or "WMI_"
    assert.is_false(r.ok, kind)
    assert.is_truthy((" " .. expected .. " "):find(" " .. r.code:gsub(prefix, "") .. " ", 1, true),
      kind .. ": " .. r.text)
    assert.is_true(r.seconds < LONGEST, kind .. ": " .. r.seconds)
    assert.is_true(r.peak < PEAK or os.getenv("ASAN_OPTIONS") ~= nil, kind .. ": " .. r.peak)
    assert.is_nil(r.text:find("canary", 1, true), r.text)
    assert.is_nil(r.text:find("[%c]"), r.text)
    if kind:find("change") and may_be ~= nil then
      assert.are.equal(may_be, r.maybe, kind .. ": " .. r.text)
    end
  end
end

-- What each answers, which codes tell it, and whether a change may have been executed by then.
local MODES = {
  endless = { "TOO_LARGE TIMEOUT", true },
  drip = { "TIMEOUT", true },
  ["drip-headers"] = { "TIMEOUT", true },
  silent = { "TIMEOUT", true },
  headers = { "TOO_LARGE", true },
  ["long-header"] = { "TOO_LARGE UNREACHABLE", true },
  ["too-short"] = { "UNREACHABLE", true },
  ["negative-length"] = { "UNREACHABLE BAD_ANSWER", true },
  ["huge-length"] = { "UNREACHABLE TOO_LARGE BAD_ANSWER", true },
  ["bad-chunk"] = { "UNREACHABLE", true },
  ["huge-chunk"] = { "UNREACHABLE", true },
  compressed = { "BAD_ANSWER", true },
  ["no-http"] = { "UNREACHABLE BAD_ANSWER", true },
  ["half-head"] = { "UNREACHABLE BAD_ANSWER", true },
  continue = { "TIMEOUT TOO_LARGE", true },
  close = { "UNREACHABLE", true },
  ["close-at-once"] = { "UNREACHABLE", nil },
  unauthorized = { "AUTH", false },
}

describe("a server", function()
  for mode, expected in pairs(MODES) do
    it("that answers so is told as what it is: " .. mode, function()
      are_told(ask_all((serve(mode))), expected[1], expected[2])
    end)
  end

  it("that sends elsewhere is not followed, and the password stays", function()
    local other, child = serve("close")
    are_told(ask_all((serve("redirect", ("http://127.0.0.1:%s/x"):format(other)))),
      "BAD_ANSWER REFUSED")
    local line, why = child:read_line({ timeout = 0.05 })
    assert.is_nil(line)
    assert.are.equal("timeout", why)
  end)

  it("that speaks TLS 1.0 and 1.1 only gets nothing", function()
    local key = directory .. "/key"
    assert.are.equal(0, process.run({ "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
      "-keyout", key, "-out", key .. ".crt", "-subj", "/CN=127.0.0.1", timeout = 60 }).code)
    for _, version in ipairs({ "-tls1", "-tls1_1" }) do
      local child = process.start({
        "openssl", "s_server", "-accept", "127.0.0.1:0", version, "-key", key, "-cert",
        key .. ".crt", "-cipher", "ALL:@SECLEVEL=0", "-www", stdout = "pipe", stderr = "discard",
      })
      children[#children + 1] = child
      local port
      repeat
        local line = child:read_line({ timeout = 20 })
        port = line and line:match("^ACCEPT .*:(%d+)$")
      until port or not line
      if not port then
        return pending("this openssl has no TLS 1.0")
      end
      are_told(ask_all(port, "https"), "TLS")
    end
  end)
end)

describe("a text of JSON or XML", function()
  local eem_peer, wsman_peer = require("support.eem_peer"), require("wsman_peer")
  local peer = eem_peer.new()
  after_each(peer.close)

  local TEXTS = {
    ["nested for ever"] = ("["):rep(200000), ["objects in objects"] = ('{"a":'):rep(100000),
    ["with a zero byte"] = '{"devices":[{"id":"0x8cdf\0' .. '9d911c60"}]}',
    ["that is no UTF-8"] = '{"devices":[{"id":"\xff\xfe"}]}',
    ["with a key twice"] = '{"devices":[],"devices":{"id":1}}',
    ["with NaN"] = '{"devices":NaN}', ["with infinity"] = '{"devices":[{"id":1e309}]}',
    ["with a huge number"] = '{"devices":' .. ("9"):rep(100000) .. "}",
    ["of half a character"] = '{"devices":"\\ud800"}', ["that goes on"] = '{"devices":[]} x',
    ["of another kind"] = '{"devices":{"a":{"b":[1]}}}',
    ["of XML with a bomb"] = '<!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><l>&b;</l>',
    ["of XML nested for ever"] = ("<a>"):rep(100000),
    ["of XML with many attributes"] = "<a " .. ('b="c" '):rep(100) .. "/>",
    ["of XML that is no UTF-8"] = "<a>\xff\xfe</a>", ["of XML with a zero byte"] = "<a>\0</a>",
  }
  for name, text in pairs(TEXTS) do
    it("is refused, or read as what is in it: " .. name, function()
      local began = loop.now()
      local answer = { body = text, headers = { ["Content-Type"] = "application/json" } }
      local handle = peer.client({ any = answer })
      local ok, result = pcall(handle.devices, handle)
      assert.is_true(not ok and result.code == "EEM_BAD_ANSWER" or ok and #result == 0,
        tostring(result))
      local host = wsman_peer.start(function()
        return answer
      end)
      local connection = host:connect()
      ok, result = pcall(connection.query, connection, "SELECT * FROM a")
      host:close()
      assert.is_false(ok)
      assert.are.equal("WMI_BAD_ANSWER", result.code, tostring(result))
      assert.is_true(loop.now() - began < LONGEST)
    end)
  end
end)
