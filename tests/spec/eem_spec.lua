-- The module `eem` against a fake ExpEther Manager: an HTTP server in this process that answers
-- what each test tells it to.
local eem = require("eem")
local failure = require("failure")
local httpd = require("httpd")
local json = require("json")
local loop = require("loop")
local process = require("process")
local scheduler = require("host.scheduler")

local ID = "0x8cdf9d911c60"
local BOARD_MAC = "8c:df:9d:91:22:b6"

-- A free slot with a card behind its own PCIe switch, as dumped from real hardware (fact sheet
-- ecx-eem, 3.3); what the dump does not tell is left out.
local FREE_SLOT = {
  id = "0x8cdf9d9122b6", status = "eeio", group_id = "4093", type = "40g", ee_version = "v1.0",
  link_status0 = "up", link_status1 = "up", path_status0 = "down", path_status1 = "down",
  eesv_connection_status = "down", eesv_mac_address = "00:00:00:00:00:00",
  pcie_connection_status = "up", pcie_vendor_id = "0x10b5", pcie_device_id = "0x8732",
  pcie_class_code = "0x60400", model = "EE I/O Expansion Unit (40G)-4S",
  notification_status0 = { "up", "down" }, notification_status1 = { "up", "down" },
}

local function copy(device, changes)
  local result = {}
  for key, value in pairs(device) do
    result[key] = value
  end
  for key, value in pairs(changes) do
    result[key] = value
  end
  return result
end

local CONNECTED = copy(FREE_SLOT, {
  id = ID, group_id = "50", path_status1 = "up", eesv_connection_status = "up",
  eesv_mac_address = BOARD_MAC, admin_status = "enabled", monitoring_status = "enabled",
  power_status = "on", serial_number = "0123", mac_address = "8c:df:9d:91:1c:60",
  update_time = "1700000000000", pcie_vendor_id = "0x10de", pcie_device_id = "0x1f08",
  pcie_class_code = "0x30000",
})

local function ok(value)
  return { body = json.encode(value), headers = { ["Content-Type"] = "application/json" } }
end

local function one(device)
  return ok({ device = device, timestamp = "1700000000000" })
end

-- Text of a file in a new directory, which the tests leave to the system's temporary files.
local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

describe("eem", function()
  local servers, handles, requests

  -- Serves `answers`: "METHOD path" -> answer, or a function that gives one. What was asked goes to
  -- `requests`. Returns the base address.
  local function serve(answers, options)
    options = options or {}
    options.handler = function(request)
      local query = {}
      for name, value in pairs(request.query) do
        query[#query + 1] = name .. "=" .. value
      end
      table.sort(query)
      local what = request.method .. " " .. request.path
      requests[#requests + 1] = { what = what, query = table.concat(query, "&"),
        body = request.body, headers = request.headers }
      local answer = answers[what] or answers.any
      if type(answer) == "function" then
        return answer(request)
      end
      return answer or { status = 404, body = '{"code":"40400","message":"no such resource"}' }
    end
    local server = httpd.listen(options)
    servers[#servers + 1] = server
    return ("%s://127.0.0.1:%d/eem"):format(options.key and "https" or "http", server:port()),
      server
  end

  local function open(url, options)
    options = options or {}
    options.url = url
    local handle = eem.open(options)
    handles[#handles + 1] = handle
    return handle
  end

  local function client(answers, options)
    return open(serve(answers), options)
  end

  local function asked()
    local list = {}
    for i, request in ipairs(requests) do
      list[i] = request.what .. (request.query ~= "" and "?" .. request.query or "")
    end
    return list
  end

  -- The failure object that the call raises; it has this code.
  local function fails(code, handle, verb, ...)
    local done, raised = pcall(handle[verb], handle, ...)
    assert(not done, "no failure was raised")
    assert(failure.is(raised), "not a failure object: " .. tostring(raised))
    assert.equal(code, raised.code, tostring(raised))
    assert.equal(failure.codes[code].transient, raised.transient)
    return raised
  end

  before_each(function()
    servers, handles, requests = {}, {}, {}
  end)

  after_each(function()
    for _, handle in ipairs(handles) do
      handle:close()
    end
    for _, server in ipairs(servers) do
      server:close()
    end
  end)

  describe("opening", function()
    local function misuse(options)
      local done, text = pcall(eem.open, options)
      assert.is_false(done)
      assert.is_string(text)
      return text
    end

    it("opens no connection", function()
      open("http://127.0.0.1:1/eem")
      open("https://eem.invalid:30500/eem/", { user = "u", password = "p" })
    end)

    it("refuses what cannot be meant, with the list of options", function()
      assert.matches('there is no option "uri"; the options are: url, user',
        misuse({ uri = "http://x/eem" }), 1, true)
      assert.matches('option "url" is missing', misuse({}), 1, true)
      assert.matches("table of named options", misuse("http://x"), 1, true)
      for _, url in ipairs({ "192.168.0.150/eem", "ftp://x/eem", "http://", "http:///eem",
        "http://x/ eem", "http://x/eem?a=b", "http://x/eem#a", "http://x/eem\n" }) do
        assert.matches("eem.open: url ", misuse({ url = url }), 1, true)
      end
      assert.matches("must be a number of seconds", misuse({ url = "http://x", timeout = "1" }))
      assert.matches("must be more than 0", misuse({ url = "http://x", timeout = 0 }))
      assert.matches("auth must be", misuse({ url = "http://x", auth = "digest" }))
      assert.matches("needs user and password", misuse({ url = "http://x", user = "u" }))
      assert.matches("needs a password", misuse({ url = "http://x", auth = "encoded" }))
      assert.matches("on one line",
        misuse({ url = "http://x", auth = "encoded", password = "a\r\nX: y" }))
    end)

    it("does not accept a password inside the address, nor repeat it", function()
      local text = misuse({ url = "http://admin:geheim@x/eem" })
      assert.matches("user or password", text)
      assert.not_matches("geheim", text)
    end)

    it("may be closed twice, and is of no use afterwards", function()
      local handle <close> = eem.open({ url = "http://127.0.0.1:1/eem" })
      handle:close()
      handle:close()
      assert.has_error(function() handle:version() end, "this eem handle is closed")
      assert.equal("eem handle", tostring(handle))
    end)
  end)

  describe("looking", function()
    it("tells the version", function()
      local handle = client({ ["GET /eem/api_version"] = ok({ version_number = "1.2" }) })
      assert.equal("1.2", handle:version())
      assert.equal("application/json", requests[1].headers.accept)
    end)

    it("accepts a slash at the end of the address and numbers that are not text", function()
      local url = serve({
        ["GET /eem/api_version"] = ok({ version_number = 2 }),
        ["GET /eem/devices/" .. ID] = one(copy(CONNECTED, { group_id = 50, update_time = 17 })),
      })
      local handle = open(url .. "/")
      assert.equal("2", handle:version())
      local device = handle:device(ID)
      assert.equal(50, device.group_id)
      assert.equal("17", device.update_time)
    end)

    it("decodes the free slot of real hardware", function()
      local handle = client({ ["GET /eem/devices/" .. FREE_SLOT.id] = one(FREE_SLOT) })
      assert.same({
        id = "0x8cdf9d9122b6", kind = "io", group_id = 4093, free = true, type = "40g",
        model = "EE I/O Expansion Unit (40G)-4S", reachable = true, link = "down",
        link_detail = { board_connection = "down", board = "down", path = "down", pcie = "up" },
        vendor = "10b5", device = "8732", class = "060400",
      }, handle:device(FREE_SLOT.id))
    end)

    it("decodes a connected slot", function()
      local handle = client({ ["GET /eem/devices/" .. ID] = one(CONNECTED) })
      assert.same({
        id = ID, kind = "io", group_id = 50, free = false, type = "40g", power = "on",
        model = "EE I/O Expansion Unit (40G)-4S", serial = "0123", mac = "8c:df:9d:91:1c:60",
        reachable = true, enabled = true, update_time = "1700000000000", link = "up",
        link_detail = { board_connection = "up", board = "up", path = "up", pcie = "up" },
        board = "0x8cdf9d9122b6", vendor = "10de", device = "1f08", class = "030000",
      }, handle:device(ID))
      assert.equal("integer", math.type(handle:device(ID).group_id))
    end)

    it("decodes a server board and its ports", function()
      local handle = client({ ["GET /eem/devices/" .. ID] = one({
        id = ID, status = "eesv", group_id = "4094", max_eeio_count = "16", type = "40g",
        link_status0 = "down", link_status1 = "up", power_status = "off",
        admin_status = "disabled", notification_status0 = { "down", "down" },
        notification_status1 = { "down", "down" },
        downstream_ports = {
          { downstream_port_id = "0", eeio_connection_status = "up",
            eeio_mac_address = "8C:DF:9D:91:1C:62" },
          { downstream_port_id = "1", eeio_connection_status = "down",
            eeio_mac_address = "00:00:00:00:00:00" },
          { downstream_port_id = "x" },
        },
      }) })
      local device = handle:device(ID)
      assert.same({ { port = 0, up = true, device = "0x8cdf9d911c62" }, { port = 1, up = false },
        { port = "x" } }, device.ports)
      assert.same({ kind = "board", group_id = 4094, free = true, max_devices = 16, link = "up",
        power = "off", reachable = false, enabled = false },
        { kind = device.kind, group_id = device.group_id, free = device.free,
          max_devices = device.max_devices, link = device.link, power = device.power,
          reachable = device.reachable, enabled = device.enabled })
    end)

    it("takes an absent field for unknown, never for down", function()
      local answers = {}
      local handle = client(answers)
      local function look(fields)
        answers.any = one(copy({ id = ID }, fields))
        return handle:device(ID)
      end
      assert.same({ id = ID, kind = "io", free = false, link = "unknown", link_detail = {} },
        look({ status = "eeio" }))
      assert.same({ id = ID, kind = "board", free = false, link = "unknown", link_detail = {} },
        look({ status = "eesv" }))
      assert.same({ id = ID, free = false, group_id = 4093, link = "unknown", link_detail = {} },
        look({ status = "eexx", group_id = "4093" }))
      assert.equal("up", look({ status = "eeio", path_status0 = "up" }).link)
      assert.equal("down", look({ status = "eeio", path_status0 = "up",
        pcie_connection_status = "down" }).link)
      assert.equal("unknown", look({ status = "eeio", path_status0 = "up",
        eesv_connection_status = "linking" }).link)
      assert.equal("up", look({ status = "eeio", path_status0 = { "down", "up" } }).link)
      local odd = look({ status = "eeio", group_id = "none", eesv_mac_address = "x",
        pcie_vendor_id = "10de", pcie_class_code = "0x1234567", power_status = "?",
        notification_status0 = {}, model = "" })
      assert.same({ id = ID, kind = "io", free = false, link = "unknown",
        link_detail = { board = "unknown" } }, odd)
    end)

    it("lists devices, filtered by EEM", function()
      local handle = client({
        ["GET /eem/devices/detail"] = ok({ devices = { FREE_SLOT, CONNECTED } }),
        ["GET /eem/devices"] = ok({ devices = { { id = "0x8CDF9D911C60" } }, timestamp = "1" }),
      })
      local list = handle:devices()
      assert.same({ FREE_SLOT.id, ID }, { list[1].id, list[2].id })
      assert.is_true(list[1].free)
      handle:devices({ status = "io", group_id = 4093 })
      handle:devices({ status = "board" })
      handle:devices({ group_id = 50 })
      assert.same({ { id = ID } }, handle:devices({ detail = false, status = "io" }))
      assert.same({ "GET /eem/devices/detail",
        "GET /eem/devices/detail?group_id=4093&status=eeio",
        "GET /eem/devices/detail?status=eesv", "GET /eem/devices/detail?group_id=50",
        "GET /eem/devices?status=eeio" }, asked())
    end)

    it("gives an empty list when there are no devices", function()
      local handle = client({ any = ok({ devices = json.array() }) })
      assert.same({}, handle:devices())
    end)

    it("finds nothing where EEM does not know the id, and raises where the other asks", function()
      local handle = client({ ["GET /eem/devices/0x1"] = { status = 404 },
        ["GET /eem/devices/0x2"] = { status = 400, body = '{"code":"40400"}' } })
      assert.is_nil(handle:find_device(ID))
      assert.is_nil(handle:find_device("0x1"))
      assert.is_nil(handle:find_device("0x2"))
      local raised = fails("EEM_NOT_FOUND", handle, "device", ID)
      assert.equal(404, raised.http)
      assert.equal(ID, raised.target)
      assert.matches("code 40400: no such resource", raised.message, 1, true)
    end)

    it("does not take another server's 404 for the absence of a device", function()
      local handle = client({ any = { status = 404, body = "<html>Not Found</html>" } })
      fails("EEM_NOT_FOUND", handle, "find_device", ID)
    end)

    it("folds the case of an id", function()
      local handle = client({ ["GET /eem/devices/" .. ID] = one(CONNECTED) })
      assert.equal(ID, handle:device("0X8CDF9D911C60").id)
      assert.equal(ID, handle:find_device("0x8CDF9D911C60").id)
    end)
  end)

  describe("arguments", function()
    it("are checked before anything is sent", function()
      local handle = client({})
      for _, id in ipairs({ "", "0x", "8cdf9d911c60", "0x8cdf/../x", "0x8cdf9d911c6g", "0x12\0",
        "0x" .. ("0"):rep(40), " 0x12", "%30x12" }) do
        for _, verb in ipairs({ "device", "find_device", "disconnect", "audit", "connect" }) do
          local done, text = pcall(handle[verb], handle, id, verb == "connect" and 50 or nil)
          assert.is_false(done)
          assert.matches("a device id is 0x and hexadecimal digits", text, 1, true)
        end
      end
      for _, group in ipairs({ 0, 15, 4093, 4094, -1, 50.5, "x", false }) do
        assert.has_error(function() handle:connect(ID, group) end)
      end
      assert.has_error(function() handle:device() end)
      assert.has_error(function() handle:devices({ status = "eeio" }) end,
        'eem:devices: status must be "board" or "io"')
      assert.has_error(function() handle:devices({ group_id = 4095 }) end)
      assert.has_error(function() handle:devices({ group = 50 }) end)
      assert.same({}, requests)
    end)
  end)

  describe("changing", function()
    it("connects with one PUT of the group as text", function()
      local handle = client({
        ["GET /eem/devices/" .. ID] = one(copy(CONNECTED, { group_id = "4093" })),
        ["PUT /eem/devices/" .. ID .. "/group_id"] = ok({ group_id = "50", update_time = "1" }),
      })
      assert.is_true(handle:connect(ID, 50))
      assert.same({ "GET /eem/devices/" .. ID, "PUT /eem/devices/" .. ID .. "/group_id" }, asked())
      assert.equal('{"group_id":"50"}', requests[2].body)
      assert.equal("application/json", requests[2].headers["content-type"])
    end)

    it("connects over any other group too: whether it may is the step's business", function()
      local handle = client({
        ["GET /eem/devices/" .. ID] = one(copy(CONNECTED, { group_id = "150" })),
        ["PUT /eem/devices/" .. ID .. "/group_id"] = { status = 204 },
      })
      assert.is_true(handle:connect(ID, 50))
    end)

    it("does nothing where the device is in this group, or free, already", function()
      local handle = client({
        ["GET /eem/devices/" .. ID] = one(CONNECTED),
        ["GET /eem/devices/" .. FREE_SLOT.id] = one(FREE_SLOT),
        ["GET /eem/devices/0x12"] = one({ id = "0x12", status = "eesv", group_id = "4094" }),
      })
      assert.is_false(handle:connect(ID, 50))
      assert.is_false(handle:disconnect(FREE_SLOT.id))
      assert.is_false(handle:disconnect("0x12"))
      assert.equal(3, #requests)
    end)

    it("disconnects with one DELETE", function()
      local handle = client({
        ["GET /eem/devices/" .. ID] = one(CONNECTED),
        ["DELETE /eem/devices/" .. ID .. "/group_id"] = ok({ update_time = "1" }),
      })
      assert.is_true(handle:disconnect(ID))
      assert.same({ "GET /eem/devices/" .. ID, "DELETE /eem/devices/" .. ID .. "/group_id" },
        asked())
      assert.equal("", requests[2].body)
    end)

    it("lets EEM choose the group of a board only", function()
      local handle = client({
        ["GET /eem/devices/0x1"] = one({ id = "0x1", status = "eesv", group_id = "4094" }),
        ["PUT /eem/devices/0x1/group_id"] = ok({ group_id = "16", update_time = "1" }),
        ["GET /eem/devices/0x2"] = one({ id = "0x2", status = "eesv", group_id = "50" }),
        ["GET /eem/devices/" .. FREE_SLOT.id] = one(FREE_SLOT),
      })
      assert.is_true(handle:connect("0x1"))
      assert.equal('{"group_id":null}', requests[2].body)
      assert.is_false(handle:connect("0x2"))
      fails("EEM_REFUSED", handle, "connect", FREE_SLOT.id)
      assert.equal(4, #requests)
    end)

    it("asks for an audit", function()
      local handle = client({ ["PUT /eem/devices/" .. ID .. "/audit"] = ok({ update_time = "1" }) })
      assert.equal(0, select("#", handle:audit(ID)))
      assert.same({ "PUT /eem/devices/" .. ID .. "/audit" }, asked())
      assert.equal("0", requests[1].headers["content-length"])
    end)

    it("changes nothing when the device cannot be seen", function()
      local handle = client({ ["GET /eem/devices/" .. ID] = { status = 500 } })
      fails("EEM_SERVER", handle, "connect", ID, 50)
      fails("EEM_SERVER", handle, "disconnect", ID)
      assert.equal(2, #requests)
    end)

    it("never repeats a change, and says that it may have happened", function()
      local handle = client({
        ["GET /eem/devices/" .. ID] = one(CONNECTED),
        ["PUT /eem/devices/" .. ID .. "/group_id"] = function(request) request.close() end,
        ["DELETE /eem/devices/" .. ID .. "/group_id"] = function(request) request.close() end,
      })
      assert.is_true(fails("EEM_UNREACHABLE", handle, "connect", ID, 60).maybe_executed)
      assert.is_true(fails("EEM_UNREACHABLE", handle, "disconnect", ID).maybe_executed)
      assert.equal(4, #requests)
    end)

    it("notices that EEM answers with another group", function()
      local handle = client({
        ["GET /eem/devices/" .. ID] = one(FREE_SLOT),
        ["GET /eem/devices/" .. FREE_SLOT.id] = one(FREE_SLOT),
        ["PUT /eem/devices/" .. FREE_SLOT.id .. "/group_id"] = ok({ group_id = "51" }),
      })
      assert.is_true(fails("EEM_BAD_ANSWER", handle, "connect", FREE_SLOT.id, 50).maybe_executed)
      -- A device that is not the one asked for.
      fails("EEM_BAD_ANSWER", handle, "device", ID)
    end)
  end)

  describe("authentication", function()
    local function header(options)
      client({ any = ok({ version_number = "1" }) }, options):version()
      return requests[#requests].headers.authorization
    end

    it("sends nothing, user and password, or a ready text, at once", function()
      assert.is_nil(header({}))
      assert.equal("Basic YWRtaW46Z2VoZWlt", header({ user = "admin", password = "geheim" }))
      assert.equal("Basic YWRtaW46Z2VoZWlt", header({ auth = "encoded",
        password = "YWRtaW46Z2VoZWlt" }))
      assert.is_nil(header({ auth = "none", user = "admin", password = "geheim" }))
      assert.equal(4, #requests)
    end)

    it("that is refused is EEM_AUTH, without the password in any text", function()
      for _, status in ipairs({ 401, 403 }) do
        local handle = client({ any = { status = status, body = '{"code":"40100"}' } },
          { user = "admin", password = "geheim" })
        local raised = fails("EEM_AUTH", handle, "version")
        assert.equal(status, raised.http)
        assert.not_matches("geheim", tostring(raised), 1, true)
      end
    end)
  end)

  describe("errors", function()
    local function refusal(answer)
      return client({ ["GET /eem/devices/" .. ID] = one(CONNECTED), any = answer })
    end

    it("of EEM carry its words", function()
      local handle = refusal({ status = 400, body = '{"code":"40011","message":"bad\\nstate"}' })
      local raised = fails("EEM_REFUSED", handle, "disconnect", ID)
      assert.matches("code 40011: bad state", raised.message, 1, true)
      assert.matches("look at it again", raised.hint)
      assert.equal(400, raised.http)
      assert.equal(ID, raised.target)
      assert.is_nil(raised.maybe_executed)
    end)

    it("of EEM are understood without words", function()
      for _, body in ipairs({ "", "<html><h1>HTTP Status 409</h1></html>", "[]", "7", "null",
        '{"code":', '{"code":[1],"message":{}}', '{"code":40900}' }) do
        fails("EEM_REFUSED", refusal({ status = 409, body = body }), "disconnect", ID)
        assert.equal(500, fails("EEM_SERVER", refusal({ status = 500, body = body }), "version")
          .http)
      end
      assert.is_true(fails("EEM_SERVER", refusal({ status = 503 }), "disconnect", ID)
        .maybe_executed)
    end)

    it("name answers that are not ExpEther Manager's", function()
      local bad = {
        { body = "<html>login</html>", headers = { ["Content-Type"] = "text/html" } },
        { body = '{"device":{"id":"0x12","sta' }, { body = "" }, { status = 204 }, { body = "[]" },
        { body = "{}" }, { body = "17" }, { body = '{"devices":{}}' }, { body = '{"device":[]}' },
        { body = '{"device":{"id":12}}' }, { status = 302, headers = { Location = "/x" } },
        { status = 202, body = "{}" },
      }
      for _, answer in ipairs(bad) do
        local handle = client({ any = answer })
        fails("EEM_BAD_ANSWER", handle, "device", ID)
        fails("EEM_BAD_ANSWER", handle, "connect", ID, 50)
        fails("EEM_BAD_ANSWER", handle, "version")
      end
      local raised = fails("EEM_BAD_ANSWER", client({ any = bad[1] }), "version")
      assert.matches("text/html", raised.message, 1, true)
      assert.matches("line 1, column 1", raised.message, 1, true)
      assert.is_nil(raised.maybe_executed)
      for _, body in ipairs({ "{}", '{"devices":{}}', '{"devices":{"a":1}}', '{"devices":[1]}',
        '{"devices":[null,1]}', '{"devices":[{"id":"x"}]}', '{"devices":"none"}' }) do
        fails("EEM_BAD_ANSWER", client({ any = { body = body } }), "devices")
      end
    end)

    it("name an HTML page after a change, which may have happened", function()
      local handle = refusal({ body = "<html></html>" })
      assert.is_true(fails("EEM_BAD_ANSWER", handle, "disconnect", ID).maybe_executed)
    end)

    it("stop a huge answer while it comes in", function()
      local huge = ("x"):rep(100 * 1024 * 1024)
      local handle = client({ any = function() return { body = huge } end },
        { max_answer = "64KiB" })
      local before = loop.now()
      local raised = fails("EEM_TOO_LARGE", handle, "devices")
      assert.matches("65536 bytes", raised.message, 1, true)
      assert.is_true(loop.now() - before < 5)
    end)

    it("read an answer of several megabytes", function()
      local devices = {}
      for i = 1, 5000 do
        devices[i] = copy(CONNECTED, { id = ("0x%012x"):format(i) })
      end
      assert.equal(5000, #client({ any = ok({ devices = devices }) }):devices())
    end)

    it("tell a slow answer from a missing one", function()
      local handle = client({ any = function() scheduler.sleep(10) end }, { timeout = 0.05 })
      local before = loop.now()
      assert.is_nil(fails("EEM_TIMEOUT", handle, "version").maybe_executed)
      assert.is_true(fails("EEM_TIMEOUT", handle, "audit", ID).maybe_executed)
      assert.is_true(loop.now() - before < 5)
    end)

    it("respect the deadline of the task", function()
      local handle = client({ any = function() scheduler.sleep(10) end })
      local before = loop.now()
      local done, raised = scheduler.until_time(loop.now() + 0.05, handle.version, handle)
      assert.is_false(done)
      assert.equal("EEM_TIMEOUT", raised.code)
      assert.is_true(loop.now() - before < 5)
    end)

    it("say that nobody listens, and that nothing was changed", function()
      local url, server = serve({})
      server:close()
      local raised = fails("EEM_UNREACHABLE", open(url), "connect", ID, 50)
      assert.is_nil(raised.maybe_executed)
      assert.matches("no connection to ExpEther Manager at http://127.0.0.1", raised.message, 1,
        true)
      assert.equal(ID, raised.target)
      assert.equal(url, fails("EEM_UNREACHABLE", open(url), "version").target)
      assert.is_nil(fails("EEM_UNREACHABLE", open(url), "audit", ID).maybe_executed)
    end)

    it("say that the connection broke off", function()
      local handle = client({ any = function(request) request.close() end })
      fails("EEM_UNREACHABLE", handle, "version")
      handle = client({ any = { body = '{"version_number":"1"}', truncate = 5 } })
      fails("EEM_UNREACHABLE", handle, "version")
    end)

    it("do not follow a redirect", function()
      local other = serve({ any = ok({ version_number = "1" }) })
      local handle = client({ any = { status = 307, headers = { Location = other } } })
      fails("EEM_BAD_ANSWER", handle, "version")
      assert.equal(1, #requests)
    end)
  end)

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
      stand_in = require("lab.inprocess.eem").open(world, { by = "spec", count = 0 })
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
  describe("from a hostile server", function()
    local peer

    -- Sends `first`, then `rest` for ever, or ends when there is none. Every few milliseconds when
    -- `slowly`. (Perl belongs to every Debian; the module httpd cannot be this rude.)
    local function rude(options, first, rest, slowly)
      peer = process.start({ "perl", "-MIO::Socket::INET", "-e", [[
        my ($first, $rest, $slowly) = @ARGV;
        $SIG{PIPE} = "IGNORE"; $| = 1;
        my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
        print $server->sockport, "\n";
        while (my $client = $server->accept) {
          while (<$client>) { last if /^\r?$/ }
          print $client $first; $client->flush;
          while (length $rest and print $client $slowly ? $rest : $rest x 1000) {
            $client->flush; select(undef, undef, undef, 0.005) if $slowly;
          }
        }]], first, rest or "", slowly and "1" or "", stdout = "pipe" })
      local port = assert(peer:read_line({ timeout = 10 }))
      return open("http://127.0.0.1:" .. port .. "/eem", options)
    end

    after_each(function()
      peer:kill("KILL")
      peer:wait(10)
      peer:close()
    end)

    it("an endless body of unknown length is stopped", function()
      local handle = rude({ max_answer = "64KiB" }, "HTTP/1.1 200 OK\r\n\r\n", "[0,1],")
      fails("EEM_TOO_LARGE", handle, "devices")
    end)

    it("endless header lines are stopped", function()
      fails("EEM_TOO_LARGE", rude({}, "HTTP/1.1 200 OK\r\n", "X-Line: more\r\n"), "version")
    end)

    it("an answer that drips is given up in time", function()
      local before = loop.now()
      local handle = rude({ timeout = 0.05 }, "HTTP/1.1 200 OK\r\n\r\n", "1", true)
      fails("EEM_TIMEOUT", handle, "version")
      assert.is_true(loop.now() - before < 5)
    end)

    it("what is not HTTP counts as no answer", function()
      fails("EEM_UNREACHABLE", rude({}, "220 mail.example\r\n"), "version")
    end)

    it("half a chunk counts as no answer", function()
      fails("EEM_UNREACHABLE", rude({}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" ..
        "40\r\n{\"version"), "version")
    end)
  end)

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
