-- The module `eem` against a fake ExpEther Manager: looking and changing.
local eem = require("eem")
local json = require("json")
local peers = require("support.eem_peer")

local ID, FREE_SLOT, CONNECTED, copy, ok, one =
  peers.ID, peers.FREE_SLOT, peers.CONNECTED, peers.copy, peers.ok, peers.one

describe("eem", function()
  local peer = peers.new()
  local serve, open, client, asked, fails, requests =
    peer.serve, peer.open, peer.client, peer.asked, peer.fails, peer.requests

  before_each(peer.reset)
  after_each(peer.close)

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
end)
