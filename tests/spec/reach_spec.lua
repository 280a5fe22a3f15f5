local parameters = require("failover.parameters")
local wmi_transport = require("failover.engine.transport")

local LINUX = { name = "ms1", transports = { "wsman" } }
local WINDOWS = { name = "MS1.example.com", transports = { "wsman", "local", "dcom" } }

local TEXT = [[return {
  eem = { url = "http://192.0.2.1/eem", auth = "none" },
  wmi = { user = "admin", password = secret "wmi", auth = "basic"%s },
  nodes = {
    ms1 = { group_id = 50, address = "192.0.2.11"%s },
    ms2 = { group_id = 150, address = "192.0.2.12" },
  },
  vms = { vm = { path = "G:\\vm", gpus = { { vendor = "10de", device = "1f08" } } } },
}]]

local function nodes(all, own)
  local result, mistakes = parameters.check(TEXT:format(all or "", own or ""), "parameters.lua")
  assert.are.same({}, mistakes)
  return result.nodes
end

local function options(node, own, place)
  local o = wmi_transport.options(node, own, place)
  return { o.transport or "none", o.host or o.url or "no host", o.user or "no user" }
end

describe("reaching the WMI of a node", function()
  it("goes through COM on the node itself where the program has it", function()
    local n = nodes()
    assert.are.same({ "local", "no host", "no user" }, options(n.ms1, true, WINDOWS))
    assert.are.same({ "none", "192.0.2.12", "admin" }, options(n.ms2, false, WINDOWS))
    assert.are.same({ "none", "192.0.2.11", "admin" }, options(n.ms1, true, LINUX))
  end)

  it("never takes this computer's WMI for a node of another name", function()
    assert.are.same({ "none", "192.0.2.12", "admin" }, options(nodes().ms2, true, WINDOWS))
    assert.are.same({ "none", "192.0.2.11", "admin" }, options(nodes().ms1, false, WINDOWS))
  end)

  it("goes where url or host says", function()
    local told = nodes(nil, ', wmi = { url = "http://127.0.0.1:1/wsman" }').ms1
    assert.are.same({ "none", "http://127.0.0.1:1/wsman", "admin" }, options(told, true, WINDOWS))
    told = nodes(nil, ', wmi = { host = "ms1.example.com" }').ms1
    assert.are.same({ "none", "ms1.example.com", "admin" }, options(told, true, WINDOWS))
  end)

  it("takes local for the node itself only", function()
    local n = nodes(', transport = "local"')
    local other = { name = "elsewhere", transports = WINDOWS.transports }
    assert.are.same({ "local", "no host", "no user" }, options(n.ms1, true, other))
    assert.are.same({ "none", "192.0.2.12", "admin" }, options(n.ms2, false, other))
  end)

  it("takes dcom for the other nodes, without what only WS-Management has", function()
    local n = nodes(', transport = "dcom"')
    assert.are.same({ "local", "no host", "no user" }, options(n.ms1, true, WINDOWS))
    assert.are.same({ "dcom", "192.0.2.12", "admin" }, options(n.ms2, false, WINDOWS))
    assert.is_nil(wmi_transport.options(n.ms2, false, WINDOWS).auth)
  end)

  it("leaves the parameters as they are", function()
    local n = nodes(', transport = "local"')
    wmi_transport.options(n.ms1, true, WINDOWS)
    assert.are.equal("192.0.2.11", n.ms1.wmi.host)
  end)

  it("says plainly that there is no COM where there is none", function()
    for _, name in ipairs({ "local", "dcom" }) do
      local known = false
      for _, transport in ipairs(require("wmi").transports()) do
        known = known or transport == name
      end
      if not known then
        local _, message = pcall(require("wmi").open, { transport = name })
        assert.matches('the transport "' .. name .. '" is there on Windows only', message, 1, true)
      end
    end
  end)
end)
