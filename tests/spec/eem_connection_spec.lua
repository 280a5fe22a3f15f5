-- The module `eem` over real connections: against the lab, over https, and many calls at once.
local loop = require("loop")
local peers = require("support.eem_peer")
local process = require("process")
local scheduler = require("core.scheduler")

local ID, CONNECTED, ok, one = peers.ID, peers.CONNECTED, peers.ok, peers.one

-- Text of a file in a new directory, which the tests leave to the system's temporary files.
local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

describe("eem", function()
  local peer = peers.new()
  local serve, open, client, fails, requests =
    peer.serve, peer.open, peer.client, peer.fails, peer.requests

  before_each(peer.reset)
  after_each(peer.close)

  describe("against the lab", function()
    local world, url, handle, stand_in

    before_each(function()
      world = require("lab.world").new({
        cluster = require("lab.clusters.seed"), latency = 0, clock = scheduler,
      })
      local rest = require("lab.eem_rest").new({
        world = function() return world end, user = "admin", password = "geheim",
      })
      url = serve({ any = function(request) return rest:handle(request) end })
      handle = open(url, { user = "admin", password = "geheim", max_answer = "1MiB" })
      stand_in = require("lab.direct.eem").open(world, { by = "spec", count = 0 })
    end)

    it("shows every device as the stand-in of the simulator does", function()
      assert.equal(stand_in:version(), handle:version())
      local names = { "id", "kind", "group_id", "free", "type", "power", "model", "serial",
        "reachable", "enabled", "link", "board", "vendor", "device", "class", "max_devices",
        "update_time" }
      local function compare()
        local wanted, seen = stand_in:devices(), handle:devices()
        assert.is_true(#wanted >= 5)
        assert.equal(#wanted, #seen)
        for i in ipairs(wanted) do
          for _, name in ipairs(names) do
            assert.equal(wanted[i][name], seen[i][name], seen[i].id .. " " .. name)
          end
        end
      end
      compare()
      handle:connect(ID, 50)
      compare()
    end)

    it("moves a device from one server to the other", function()
      local boards = {}
      for _, board in ipairs(handle:devices({ status = "board" })) do
        boards[board.group_id] = board.id
      end
      handle:disconnect(ID)
      assert.is_true(handle:connect(ID, 50))
      assert.same({ "up", boards[50], 50 },
        { handle:device(ID).link, handle:device(ID).board, handle:device(ID).group_id })
      assert.is_false(handle:connect(ID, 50))
      assert.is_true(handle:disconnect(ID))
      assert.same({ "down", true }, { handle:device(ID).link, handle:device(ID).free })
      assert.is_false(handle:disconnect(ID))
      assert.is_true(handle:connect(ID, 150))
      assert.equal(boards[150], handle:device(ID).board)
      handle:audit(ID)
    end)

    it("passes on what EEM refuses", function()
      assert.is_nil(handle:find_device("0x99"))
      fails("EEM_NOT_FOUND", handle, "device", "0x99")
      handle:disconnect(ID)
      assert.equal(400, fails("EEM_REFUSED", handle, "connect", ID, 51).http)
      fails("EEM_AUTH", open(url, { user = "admin", password = "x" }), "version")
      fails("EEM_AUTH", open(url), "version")
      assert.same({}, world:violations())
    end)

    -- What one disturbed change looks like, and whether it was made all the same.
    local disturbances = {
      { effect = "drop", code = "EEM_UNREACHABLE", maybe = true, made = false },
      { effect = "drop after", code = "EEM_UNREACHABLE", maybe = true, made = true },
      { effect = "delay after", seconds = 10, code = "EEM_TIMEOUT", maybe = true, made = true },
      { effect = "error", http = 400, code = "EEM_REFUSED", made = false },
      { effect = "error", http = 401, code = "EEM_AUTH", made = false },
      { effect = "error", http = 503, code = "EEM_SERVER", maybe = true, made = false },
      { effect = "error after", http = 500, code = "EEM_SERVER", maybe = true, made = true },
      { effect = "garbage", code = "EEM_BAD_ANSWER", maybe = true, made = true },
      { effect = "html", code = "EEM_BAD_ANSWER", maybe = true, made = true },
      { effect = "huge", code = "EEM_TOO_LARGE", maybe = true, made = true },
      { effect = "truncate", code = "EEM_UNREACHABLE", maybe = true, made = true },
    }

    for _, case in ipairs(disturbances) do
      it(("says %s after '%s' %s"):format(case.code, case.effect, case.http or ""), function()
        handle:disconnect(ID)
        handle:connect(ID, 50)
        world.faults:add({ target = "eem", match = { verb = "DELETE" }, effect = case.effect,
          http = case.http, seconds = case.seconds, times = 1 })
        local done, raised
        if case.seconds then
          done, raised = scheduler.until_time(loop.now() + 0.1, handle.disconnect, handle, ID)
          assert.same({ false, case.code }, { done, raised.code })
        else
          raised = fails(case.code, handle, "disconnect", ID)
        end
        assert.equal(case.maybe, raised.maybe_executed)
        assert.equal(case.made, handle:device(ID).free)
      end)
    end

    it("believes a lie only until it looks again", function()
      handle:disconnect(ID)
      world.faults:add({ target = "eem", match = { verb = "PUT" }, effect = "lie", times = 1 })
      assert.is_true(handle:connect(ID, 50))
      assert.is_true(handle:device(ID).free)
    end)
  end)

  -- What a decent server library never sends.

  describe("over https", function()
    local directory, certificate, key

    local function run(...)
      local result = process.run({ timeout = 30, directory = directory, ... })
      assert(result.code == 0, result.stderr)
      return result.stdout
    end

    setup(function()
      directory = process.run({ "mktemp", "-d", timeout = 10 }).stdout:gsub("%s+$", "")
      run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
        "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem")
      run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=other", "-keyout", "other-key.pem", "-out",
        "other.pem")
      certificate, key = read_file(directory .. "/cert.pem"), read_file(directory .. "/key.pem")
    end)

    teardown(function()
      process.run({ "rm", "-r", directory, timeout = 10 })
    end)

    local function secure(options, server)
      server = server or { certificate = certificate, key = key }
      return open(serve({ any = ok({ version_number = "1" }) }, server), options)
    end

    it("trusts the given authority", function()
      assert.equal("1", secure({ ca = directory .. "/cert.pem" }):version())
    end)

    it("refuses an unknown certificate before anything is sent", function()
      local handle = secure({ user = "admin", password = "geheim" })
      assert.matches("ca", fails("EEM_TLS", handle, "version").hint)
      fails("EEM_TLS", secure({ ca = directory .. "/other.pem" }), "version")
      fails("EEM_TLS", secure({ ca = directory .. "/missing.pem" }), "version")
      assert.same({}, requests)
    end)

    it("refuses a certificate for another name", function()
      local handle = secure({ ca = directory .. "/other.pem" }, {
        certificate = read_file(directory .. "/other.pem"),
        key = read_file(directory .. "/other-key.pem"),
      })
      fails("EEM_TLS", handle, "version")
      assert.same({}, requests)
    end)

    it("verifies nothing when told so", function()
      assert.equal("1", secure({ insecure = true }):version())
    end)

    it("does not speak to a server without TLS", function()
      local url = serve({ any = ok({ version_number = "1" }) })
      fails("EEM_TLS", open((url:gsub("^http:", "https:"))), "version")
    end)
  end)

  describe("connections", function()
    -- Adds the local ends of all connections to the port to `known`, also of those that have just
    -- ended; gives how many were new (Linux only).
    local function new_connections(port, known)
      local count, remote = 0, (":%04X"):format(port)
      for line in io.lines("/proc/net/tcp") do
        local from, to = line:match("^%s*%d+: (%x+:%x+) %x+(:%x+) ")
        if to == remote and not known[from] then
          known[from] = true
          count = count + 1
        end
      end
      return count
    end

    it("are kept: calls one after the other use a single one", function()
      local url, server = serve({
        ["GET /eem/devices/" .. ID] = one(CONNECTED),
        ["DELETE /eem/devices/" .. ID .. "/group_id"] = { status = 204 },
        any = ok({ version_number = "1" }),
      })
      local known = {}
      new_connections(server:port(), known) -- left by another server that had this port
      local handle = open(url)
      for _ = 1, 5 do
        handle:version()
        handle:disconnect(ID)
        pcall(handle.device, handle, "0x99")
      end
      assert.equal(20, #requests)
      assert.equal(1, new_connections(server:port(), known))
      open(url):version()
      assert.equal(1, new_connections(server:port(), known))
    end)

    it("are as many as there are calls at the same time; nobody waits for another", function()
      local release = false
      local handle = client({
        ["GET /eem/devices/" .. ID] = function()
          while not release do
            scheduler.sleep(0.002)
          end
          return one(CONNECTED)
        end,
        any = ok({ version_number = "1" }),
      })
      local slow = scheduler.spawn(function() return handle:device(ID).id end)
      local quick = scheduler.spawn(function() return handle:version() end)
      assert.same({ true, "1" }, { scheduler.join(quick) })
      assert.is_false(slow.done)
      release = true
      assert.same({ true, ID }, { scheduler.join(slow) })
    end)

    it("outlive the handle while a request is under way", function()
      local handle = client({ any = function()
        scheduler.sleep(0.02)
        return ok({ version_number = "1" })
      end })
      local task = scheduler.spawn(function() return handle:version() end)
      scheduler.sleep(0.005)
      handle:close()
      handle = nil
      collectgarbage()
      assert.same({ true, "1" }, { scheduler.join(task) })
      assert.is_nil(handle)
    end)
  end)
end)
