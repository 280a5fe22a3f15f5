-- A host that answers WS-Management with what no host would say, to keep us busy or to make us
-- believe something: every query ends by itself, and soon.
local loop = require("loop")
local scheduler = require("core.scheduler")
local wsman_peer = require("wsman_peer")

local CLASS = "Msvm_ComputerSystem"
local SOON = 5 -- seconds of processor time that nothing here may take, also under sanitizers

local peer

after_each(function()
  if peer then
    peer:close()
    peer = nil
  end
end)

local function properties(count)
  local list = {}
  for i = 1, count do
    list[i] = ("<p:P%d>v</p:P%d>"):format(i, i)
  end
  return table.concat(list)
end

local function query(answer, options)
  peer = wsman_peer.start(answer)
  local connection = peer:connect(options)
  return pcall(connection.query, connection, "SELECT * FROM " .. CLASS)
end

local function fails(code, answer, options)
  local ok, failed = query(answer, options)
  assert.is_false(ok)
  assert.are.equal(code, failed.code, tostring(failed))
  return failed
end

local function pulled(items)
  return wsman_peer.envelope("<n:PullResponse><n:EnumerationContext>c</n:EnumerationContext>"
    .. "<n:Items>" .. items .. "</n:Items></n:PullResponse>")
end

describe("an answer", function()
  it("with as many properties as the largest class is read quickly, each by its name", function()
    local began = os.clock()
    local text = wsman_peer.items(wsman_peer.instance(CLASS, properties(4000)))
    local ok, list = query(function()
      return text
    end)
    assert.is_true(ok, tostring(list))
    assert.are.equal("v", list[1].P1)
    assert.are.equal("v", list[1].P4000)
    assert.is_true(os.clock() - began < SOON)
  end)

  it("with more properties than any class has is refused before they cost time", function()
    local began = os.clock()
    local text = wsman_peer.items(wsman_peer.instance(CLASS, properties(100000)))
    local failed = fails("WMI_TOO_LARGE", function()
      return text
    end)
    assert.is_truthy(failed.message:find("more than 4096 properties", 1, true))
    assert.is_true(os.clock() - began < SOON)
  end)

  it("whose reading goes on past the time of the call ends with it", function()
    local one = wsman_peer.instance(CLASS, properties(4000))
    local text = wsman_peer.items(one:rep(300))
    local began = loop.now()
    local ok, failed = scheduler.until_time(began + 0.2, function()
      local read, result = query(function()
        return text
      end)
      assert.is_false(read)
      error(result, 0)
    end)
    assert.is_false(ok)
    assert.are.equal("WMI_TIMEOUT", failed.code, tostring(failed))
    assert.is_true(loop.now() - began < SOON)
  end)

  it("to a method with too many outputs leaves open whether it was executed", function()
    local text = wsman_peer.output("RequestStateChange", CLASS, properties(5000))
    peer = wsman_peer.start(function()
      return text
    end)
    local connection = peer:connect()
    local failed = wsman_peer.failure_of(connection.call, connection, CLASS .. '.Name="a"',
      "RequestStateChange", {})
    assert.are.equal("WMI_TOO_LARGE", failed.code)
    assert.is_true(failed.maybe_executed)
  end)
end)

describe("an enumeration", function()
  it("that promises more for ever and gives nothing is given up", function()
    local failed = fails("WMI_BAD_ANSWER", function(request)
      if request.verb == "Enumerate" then
        return wsman_peer.envelope("<n:EnumerateResponse><n:EnumerationContext>c"
          .. "</n:EnumerationContext></n:EnumerateResponse>")
      end
      return pulled("")
    end)
    assert.is_truthy(failed.message:find("gave none in 30 answers", 1, true), failed.message)
    assert.are.equal(30, peer:count("Pull"))
    assert.are.equal(1, peer:count("Release"))
  end)

  it("that gives one object after the other for ever is given up", function()
    local one = pulled(wsman_peer.instance(CLASS, "<p:Name>a</p:Name>"))
    local failed = fails("WMI_TOO_LARGE", function(request)
      if request.verb == "Enumerate" then
        return wsman_peer.envelope("<n:EnumerateResponse><n:EnumerationContext>c"
          .. "</n:EnumerationContext></n:EnumerateResponse>")
      end
      return one
    end)
    assert.is_truthy(failed.message:find("does not end after 2000 Pulls", 1, true), failed.message)
  end)
end)

describe("a time", function()
  local function uptime(text, kind)
    kind = kind or "Interval"
    local ok, list = query(function()
      return wsman_peer.items(wsman_peer.instance(CLASS,
        ("<p:UpTime><cim:%s>%s</cim:%s></p:UpTime>"):format(kind, text, kind)))
    end)
    assert.is_true(ok, tostring(list))
    return tostring(list[1].UpTime)
  end

  it("has a zone that a DMTF text can tell", function()
    assert.are.equal("20260101000200.555000+840",
      uptime("2026-01-01T00:02:00.555+14:00", "Datetime"))
    for _, zone in ipairs({ "+85:49", "-99:00", "+01:60" }) do
      local text = "2026-01-01T00:02:00.555" .. zone
      assert.are.equal(text, uptime(text, "Datetime"))
    end
  end)

  it("that is a duration names each unit once and in its order", function()
    assert.are.equal("00000001020304.500000:000", uptime("P1DT2H3M4.5S"))
    for _, text in ipairs({
      "PT" .. ("0.9S"):rep(3000), "PT" .. ("99999999S"):rep(3), "PT1M1H", "P1D1D", "PT1D", "P1H",
      "P1DT1S1S",
    }) do
      assert.are.equal(text, uptime(text))
    end
  end)
end)
