-- A complete `takeover start` with encrypted WS-Management beside the same one in clear: for
-- bench/run, and alone as
--
--   takeover run bench/encrypted.lua [repetitions]
--
-- Both labs run side by side, both log in by user and password (Kerberos from a KDC of its own;
-- Basic), and the two take turns. A start has two connections at the least, one to each node, and
-- asks the KDC for each of them.
package.path = "tests/spec/?.lua;" .. package.path
local kdc_module = require("support.kdc")
local loop = require("loop")
local site_module = require("support.site")

local repetitions = math.tointeger(tonumber((...) or "10")) or 10
local USER = site_module.USER .. "@EXAMPLE.TEST"

local kdc, why = kdc_module.open()
if not kdc then
  print("An encrypted start cannot be measured: " .. why)
  return
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

local function timed(site)
  site:reset({ latency = 0 })
  local began = loop.now()
  local result = site:run({ "start", "vme2" }, { node = "ms1" })
  local took = loop.now() - began
  assert(result.code == 0, result.stdout .. result.stderr)
  return took
end

local ok, problem = loop.guard(function()
  kdc:add(USER, site_module.PASSWORD)
  kdc:add("HTTP/localhost@EXAMPLE.TEST")
  local clear = site_module.open({ latency = 0 })
  local sealed = site_module.open({
    latency = 0, auth = "negotiate", env = kdc.env,
    keytab = kdc:keytab("HTTP/localhost@EXAMPLE.TEST", "http.keytab"),
  })
  local function url(node)
    return (sealed.lab.nodes[node].url:gsub("127.0.0.1", "localhost"))
  end
  sealed:parameters({
    wmi = ('user = "%s", password = secret "lab"'):format(USER), ms1_url = url("ms1"),
    ms2_url = url("ms2"),
  })
  local times = { clear = {}, sealed = {} }
  for _ = 1, repetitions do
    table.insert(times.clear, timed(clear))
    table.insert(times.sealed, timed(sealed))
  end
  local a, b = median(times.clear), median(times.sealed)
  print(("A start with every message encrypted, median of %d runs."):format(repetitions))
  print(("  in clear %.1f ms, encrypted %.1f ms: %.2f times (goal 1.3)"):format(a * 1000, b * 1000,
    b / a))
  clear:close()
  sealed:close()
end)
kdc:close()
if not ok then
  error(problem, 0)
end
