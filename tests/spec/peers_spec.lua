-- Other nodes that are silent: asked side by side, within one connect timeout whatever their
-- number, and a run that is to stop does not wait for it.
local context = require("failover.engine.context")
local evidence = require("failover.safety.evidence")
local failure = require("failure")
local httpd = require("httpd")
local process = require("process")
local scheduler = require("core.scheduler")
local wmi = require("wmi")

local MANY = 24 -- more than any fixed pool had threads

-- Ports whose backlog is full, so that they drop every SYN as a dead server does.
local SILENT = [[
import socket, sys, time
keep = []
for i in range(int(sys.argv[1])):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(0)
    keep.append(s)
    for j in range(8):
        c = socket.socket()
        c.setblocking(False)
        try:
            c.connect(s.getsockname())
        except BlockingIOError:
            pass
        keep.append(c)
    print(s.getsockname()[1])
print("", flush=True)
time.sleep(60)
]]

local function has_python()
  local ok, result = pcall(process.run, { "python3", "-c", "0", timeout = 20 })
  return ok and result.code == 0
end

-- Parameters of ms0 and `count` other nodes at the given addresses.
local function parameters_of(urls, wmi_options)
  local nodes = {
    ms0 = { name = "ms0", group_id = 50, wmi = { url = "http://127.0.0.1:1/wsman" } },
  }
  for i, url in ipairs(urls) do
    local name = ("peer%02d"):format(i)
    nodes[name] = { name = name, group_id = 100 + i, wmi = { url = url } }
    for key, value in pairs(wmi_options) do
      nodes[name].wmi[key] = value
    end
  end
  return { eem = { url = "http://127.0.0.1:1/eem", auth = "none" }, nodes = nodes, vms = {} }
end

local function context_of(urls, wmi_options)
  return context.open({ parameters = parameters_of(urls, wmi_options), node = "ms0" })
end

describe("other nodes that do not answer", function()
  local c

  after_each(function()
    c:close()
  end)

  -- Counts how many requests are with the server at the same time; answers them when all have come,
  -- so that it never ends where they come one after the other.
  it("are all under way at the same time, however many they are", function()
    local here = 0
    local gate = scheduler.spawn(scheduler.sleep, 10)
    local server = httpd.listen({
      handler = function()
        here = here + 1
        if here == MANY then
          scheduler.cancel(gate, failure.new({ code = "CANCELLED", message = "all are here" }))
        end
        scheduler.join(gate)
        return { status = 400, headers = {}, body = "no" }
      end,
    })
    local urls = {}
    for i = 1, MANY do
      urls[i] = ("http://127.0.0.1:%d/wsman"):format(server:port())
    end
    c = context_of(urls, { timeout = 20 })
    local ok, failed = pcall(evidence.peers, c, c:peers())
    local all_came = gate.cancelled ~= nil
    server:close()
    assert.is_false(ok) -- this is no management service
    assert.equal("WMI_BAD_ANSWER", failed.code)
    assert.is_true(all_came)
  end)

  it("give the connect timeout of peers to the connection, and the own node its own", function()
    c = context_of({ "http://127.0.0.1:1/wsman" }, {})
    assert.equal(5, c:wmi_options("peer01", "root/cimv2").connect_timeout)
    assert.is_nil(c:wmi_options("ms0", "root/cimv2").connect_timeout)
    c:close()
    c = context_of({ "http://127.0.0.1:1/wsman" }, { connect_timeout = 30 })
    assert.equal(30, c:wmi_options("peer01", "root/cimv2").connect_timeout)
    c:close()
    c = context_of({ "http://127.0.0.1:1/wsman" },
      { connect_timeout = 30, peer_connect_timeout = 2 })
    local options = c:wmi_options("peer01", "root/cimv2")
    assert.equal(2, options.connect_timeout)
    assert.is_nil(options.peer_connect_timeout)
    wmi.open(options):close() -- it takes them all
  end)

  describe("on ports that drop every SYN", function()
    local child, urls

    local function silent_ports(count)
      child = process.start({ "python3", "-c", SILENT, tostring(count),
        stdout = "pipe" })
      urls = {}
      for i = 1, count do
        urls[i] = ("http://127.0.0.1:%s/wsman"):format(child:read_line({ timeout = 20 }))
      end
    end

    after_each(function()
      if child then
        child:kill("KILL")
        child:wait(10)
        child:close()
        child = nil
      end
    end)

    it("are waited for together: each is asked before the first is given up", function()
      if not has_python() then
        pending("needs python3")
        c = context_of({}, {})
        return
      end
      silent_ports(MANY)
      c = context_of(urls, { peer_connect_timeout = 0.2 })
      local began, ended = {}, {}
      c.observer.call = function(_, record)
        if record.verb == "vms" then
          began[#began + 1], ended[#ended + 1] = record.began, record.began + record.took
        end
      end
      local states = evidence.peers(c, c:peers())
      assert.equal(MANY, #began)
      assert.is_true(math.max(table.unpack(began)) < math.min(table.unpack(ended)))
      for _, name in ipairs(c:peers()) do
        assert.is_false(states[name].reachable)
        assert.equal("WMI_UNREACHABLE", states[name].failure.code)
      end
      evidence.peers(c, c:peers())
      assert.equal(MANY, #began) -- not asked again so soon
    end)

    it("do not keep a run that is to stop", function()
      if not has_python() then
        pending("needs python3")
        c = context_of({}, {})
        return
      end
      silent_ports(3)
      c = context_of(urls, { peer_connect_timeout = 60 })
      local task = scheduler.spawn(function()
        return evidence.peers(c, c:peers())
      end)
      scheduler.sleep(0.05)
      local asked_at = scheduler.now()
      local loop = require("loop")
      scheduler.cancel(task, failure.new({ code = "CANCELLED", message = "enough" }))
      loop.cancel(true) -- as a signal does it
      local ok, failed = scheduler.join(task)
      loop.cancel(false)
      assert.is_false(ok)
      assert.equal("CANCELLED", failed.code)
      assert.is_true(scheduler.now() - asked_at < 20)
    end)
  end)
end)
