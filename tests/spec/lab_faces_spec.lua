-- The lab over real sockets: ExpEther Manager's face, the nodes' faces, the administrator's
-- endpoint.
local eem = require("eem")
local failure = require("failure")
local http = require("http")
local json = require("json")
local process = require("process")
local scheduler = require("core.scheduler")
local support = require("support.lab")
local wmi = require("wmi")
local xml = require("xml")

local GPU = "0x8cdf9d911c60"
local ZERO = "00:00:00:00:00:00"

-- A certificate for 127.0.0.1: { certificate, key, file }, and a function that removes its files.
local function make_certificate()
  local base = os.tmpname()
  local made = process.run({ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", base .. ".key", "-out", base .. ".crt",
    "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
    timeout = 20 })
  assert(made.code == 0, made.stderr)
  local function read(path)
    local file = assert(io.open(path))
    local text = file:read("a")
    file:close()
    return text
  end
  return { certificate = read(base .. ".crt"), key = read(base .. ".key"), file = base .. ".crt" },
    function()
      os.remove(base)
      os.remove(base .. ".crt")
      os.remove(base .. ".key")
    end
end

describe("the lab over sockets", function()
  local lab, client

  local function start(options)
    options = options or {}
    options.user, options.password = "admin", "secret"
    lab = support.start(options)
    client = http.open({ user = "admin", password = "secret", timeout = 10 })
  end

  after_each(function()
    client:close()
    lab:stop()
  end)

  -- One request to EEM: status and decoded body.
  local function ask(method, path, body)
    local answer, why = client:request(method, lab.eem_url .. path, {
      body = body and json.encode(body) or "" })
    assert(answer, why)
    return answer.status, answer.body ~= "" and json.decode(answer.body) or nil
  end

  -- One WS-Management Enumerate with WQL to a node: the items, or nil and why not.
  local function enumerate(node, query)
    local answer, why = client:request("POST", lab.nodes[node].url, {
      headers = { ["Content-Type"] = "application/soap+xml;charset=UTF-8" },
      body = ([[<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
        xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
        xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
        xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"><s:Header>
        <a:To>x</a:To><a:MessageID>uuid:1</a:MessageID><a:ReplyTo><a:Address>http://schemas]] ..
        [[.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>
        <a:Action>http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate</a:Action>
        <w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/*]] ..
        [[</w:ResourceURI></s:Header><s:Body><n:Enumerate><w:OptimizeEnumeration/>
        <w:MaxElements>50</w:MaxElements><w:Filter
        Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">%s</w:Filter></n:Enumerate>
        </s:Body></s:Envelope>]]):format(xml.escape(query)) })
    if not answer then
      return nil, why
    end
    assert.are.equal(200, answer.status, answer.body)
    for _, element in ipairs(xml.parse(answer.body, {})[2][1]) do
      if element.name == "Items" then
        return element
      end
    end
  end

  describe("as ExpEther Manager", function()
    before_each(function()
      start()
    end)

    it("tells its version", function()
      local status, body = ask("GET", "/api_version")
      assert.are.equal(200, status)
      assert.is_string(body.version_number)
    end)

    it("lists devices, by kind and by group, with and without a slash", function()
      local function ids(path)
        local status, body = ask("GET", path)
        assert.are.equal(200, status)
        assert.matches("^%d+$", body.timestamp)
        local list = {}
        for i, device in ipairs(body.devices) do
          list[i] = device.id
        end
        return list
      end
      assert.are.equal(5, #ids("/devices"))
      assert.are.equal(2, #ids("/devices?status=eesv"))
      assert.are.same({ "0x8cdf9d911c01" }, ids("/devices/detail/?status=eesv&group_id=50"))
      assert.are.equal(3, #ids("/devices/detail?group_id=4093"))
      assert.are.same({}, ids("/devices?group_id=999"))
    end)

    it("writes every scalar as text", function()
      local _, body = ask("GET", "/devices/" .. GPU)
      for name, value in pairs(body.device) do
        assert.is_true(type(value) == "string" or type(value) == "table", name)
      end
      assert.are.equal("4093", body.device.group_id)
      assert.are.equal("0x10de", body.device.pcie_vendor_id)
      assert.are.equal(ZERO, body.device.eesv_mac_address)
    end)

    it("connects and disconnects a device, and says when it does not", function()
      local status, body = ask("PUT", "/devices/" .. GPU .. "/group_id", { group_id = "50" })
      assert.are.equal(200, status)
      assert.are.equal("50", body.group_id)
      assert.matches("^%d+$", body.update_time)
      body = select(2, ask("GET", "/devices/" .. GPU))
      assert.are.equal("8c:df:9d:91:1c:01", body.device.eesv_mac_address)
      assert.are.equal("up", body.device.eesv_connection_status)
      status, body = ask("PUT", "/devices/" .. GPU .. "/group_id", { group_id = "150" })
      assert.are.equal(400, status)
      assert.matches("^400%d%d$", body.code)
      assert.is_string(body.message)
      status = ask("DELETE", "/devices/" .. GPU .. "/group_id")
      assert.are.equal(200, status)
      body = select(2, ask("GET", "/devices/" .. GPU))
      assert.are.equal("4093", body.device.group_id)
    end)

    it("answers 204 without a body, 404 and 400", function()
      local path = "/devices/" .. GPU
      assert.are.same({ 204 }, { ask("PUT", path .. "/perst") })
      assert.are.same({ 204 }, { ask("PUT", path .. "/uid_led_status", { uid_led_status = "on" }) })
      assert.are.same({ 200, { uid_led_status = "on" } }, { ask("GET", path .. "/uid_led_status") })
      assert.are.equal(400, (ask("PUT", path .. "/uid_led_status", { uid_led_status = "?" })))
      assert.are.equal(200, (ask("PUT", path .. "/audit")))
      for _, missing in ipairs({ "/devices/0x0", "/nothing", "/devices/" .. GPU .. "/x/y" }) do
        local status, body = ask("GET", missing)
        assert.are.equal(404, status, missing)
        assert.are.equal("40400", body.code)
      end
      local answer = client:request("PUT", lab.eem_url .. path .. "/group_id", { body = "{" })
      assert.are.equal(400, answer.status)
    end)

    it("does not let a web page drive its administrator's endpoint", function()
      local port = lab.admin_url:match(":(%d+)/")
      local plain = http.open({ timeout = 10 })
      local function status(headers)
        return plain:request("GET", lab.admin_url .. "/truth", { headers = headers }).status
      end
      assert.are.equal(200, status(nil))
      for _, host in ipairs({ "localhost", "127.0.0.1:" .. port, "LOCALHOST:" .. port, "[::1]" }) do
        assert.are.equal(200, status({ Host = host }), host)
      end
      for _, host in ipairs({ "evil.example", "evil.example:" .. port, "localhost.example" }) do
        assert.are.equal(403, status({ Host = host }), host)
      end
      assert.are.equal(403, status({ Origin = "http://evil.example" }))
      assert.are.equal(403, status({ Origin = "null" }))
      assert.are.equal(403, status({ ["Sec-Fetch-Site"] = "cross-site" }))
      plain:close()
    end)

    it("asks for user and password", function()
      local stranger = http.open({ user = "admin", password = "wrong" })
      local answer = stranger:request("GET", lab.eem_url .. "/devices")
      stranger:close()
      assert.are.equal(401, answer.status)
    end)

    it("satisfies the eem native", function()
      local e = eem.open(lab.eem)
      assert.is_true(e:connect(GPU, 50))
      local device = e:device(GPU)
      assert.are.equal("up", device.link)
      assert.are.equal("0x8cdf9d911c01", device.board)
      assert.is_true(e:disconnect(GPU))
      assert.is_nil(e:find_device("0x000000000000"))
      e:close()
    end)

    it("carries out the faults that are ordered", function()
      local target = "/devices/" .. GPU .. "/group_id"
      local function put()
        local answer, why = client:request("PUT", lab.eem_url .. target, {
          body = '{"group_id":"50"}' })
        return answer and answer.status or why, answer
      end
      local function group_id()
        local _, body = ask("GET", "/devices/" .. GPU)
        return body.device.group_id
      end
      local function order(rule)
        lab.admin:clear_faults()
        rule.target, rule.match = "eem", { verb = "PUT" }
        lab.admin:fault(rule)
      end
      order({ effect = "drop" })
      assert.are.equal("broken", (put()))
      assert.are.equal("4093", group_id())
      order({ effect = "error", http = 503, code = "50003", text = "busy" })
      local status, answer = put()
      assert.are.equal(503, status)
      assert.are.same({ code = "50003", message = "busy" }, json.decode(answer.body))
      order({ effect = "lie" })
      assert.are.equal(200, (put()))
      assert.are.equal("4093", group_id())
      order({ effect = "garbage" })
      status, answer = put()
      assert.are.equal(200, status)
      assert.is_false(pcall(json.decode, answer.body))
      assert.are.equal("50", group_id())
      assert.are.equal(200, (ask("DELETE", target)))
      order({ effect = "drop after" })
      assert.are.equal("broken", (put()))
      assert.are.equal("50", group_id())
      lab.admin:clear_faults()
      lab.admin:fault({ target = "eem", match = { verb = "GET" }, effect = "truncate", times = 1 })
      local _, why = client:request("GET", lab.eem_url .. "/devices")
      assert.are.equal("broken", why)
      assert.are.equal(200, (ask("GET", "/devices")))
    end)
  end)

  describe("as nodes", function()
    before_each(function()
      start()
    end)

    it("shows the virtual machine where it is registered", function()
      local query = "SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'vme2'"
      local items = enumerate("ms1", query)
      assert.are.equal(1, #items)
      assert.are.equal("Msvm_ComputerSystem", items[1].name)
      assert.are.equal(0, #enumerate("ms2", query))
    end)

    it("loses a node with its power and gets it back on the same port", function()
      local query = "SELECT * FROM Msvm_ComputerSystem"
      assert.is_true(#enumerate("ms1", query) > 0)
      assert.is_true(lab.admin:power("ms1", "off"))
      local items, why = enumerate("ms1", query)
      assert.is_nil(items)
      assert.are.equal("unreachable", why)
      assert.is_true(#enumerate("ms2", query) > 0)
      assert.is_true(lab.admin:power("ms1", "on"))
      assert.is_true(#enumerate("ms1", query) > 0)
    end)

    it("comes back by itself when a node boots slowly", function()
      lab.admin:set_latency({ node_boot = 0.03 })
      lab.admin:power("ms2", "off")
      lab.admin:power("ms2", "on")
      local query = "SELECT * FROM Msvm_ComputerSystem"
      local items, why = enumerate("ms2", query)
      assert.is_nil(items)
      assert.are.equal("unreachable", why)
      local until_time = scheduler.now() + 2
      while not items and scheduler.now() < until_time do
        scheduler.sleep(0.01)
        items = enumerate("ms2", query)
      end
      assert.is_true(#items > 0)
    end)
  end)

  describe("for its administrator", function()
    before_each(function()
      start()
    end)

    it("tells the truth, what was changed and how often it was asked", function()
      ask("PUT", "/devices/" .. GPU .. "/group_id", { group_id = "50" })
      local truth = lab.admin:truth()
      assert.are.same({}, truth.violations)
      assert.are.equal("ms1", truth.disks[1].owner)
      local device
      for _, candidate in ipairs(truth.devices) do
        device = candidate.id == GPU and candidate or device
      end
      assert.are.equal(50, device.group_id)
      assert.are.equal("set group", lab.admin:changes()[1].verb)
      enumerate("ms1", "SELECT * FROM Msvm_ComputerSystem")
      local requests = lab.admin:requests()
      assert.are.equal(1, requests.eem)
      assert.are.equal(1, requests.nodes.ms1)
      assert.are.equal(0, requests.nodes.ms2)
    end)

    it("moves the disk, sets switches and latencies, and starts over", function()
      assert.is_true(lab.admin:give_disk("ms2"))
      assert.are.equal("ms2", lab.admin:truth().disks[1].owner)
      assert.is_true(lab.admin:give_disk(nil))
      assert.is_nil(lab.admin:truth().disks[1].owner)
      lab.admin:set_switch("put_in_use", "accept")
      ask("PUT", "/devices/" .. GPU .. "/group_id", { group_id = "50" })
      assert.are.equal(200, (ask("PUT", "/devices/" .. GPU .. "/group_id", { group_id = "150" })))
      local before = lab.eem_url
      assert.are.equal(before, lab.admin:reset({ cluster = "seed" }).eem)
      local _, body = ask("GET", "/devices/" .. GPU)
      assert.are.equal("4093", body.device.group_id)
      assert.are.same({}, lab.admin:changes())
    end)

    it("refuses what it does not understand, with a reason", function()
      local function refused(pattern, fn, ...)
        local ok, why = pcall(fn, lab.admin, ...)
        assert.is_false(ok)
        assert.matches(pattern, why)
      end
      refused("power must be", lab.admin.power, "ms1", "sideways")
      refused("no node", lab.admin.power, "ms9", "off")
      refused("no effect", lab.admin.fault, { effect = "magic" })
      refused("no switch", lab.admin.set_switch, "nonsense", 1)
      refused("no latency", lab.admin.set_latency, { nonsense = 1 })
      refused("no verb", lab.admin.admin, "dance")
      refused("no cluster", lab.admin.reset, { cluster = "../x" })
      refused("no GET /lab/nothing", lab.admin.request, "GET", "nothing")
      assert.are.equal("ms1", lab.admin:truth().disks[1].owner)
    end)
  end)

  describe("as a process of its own", function()
    it("serves the same, and ends when it is asked to", function()
      start({ process = true })
      assert.are.equal(200, (ask("GET", "/devices")))
      assert.is_true(#enumerate("ms1", "SELECT * FROM Msvm_ComputerSystem") > 0)
      local url = lab.eem_url
      lab:stop()
      assert.are.same({ code = 0 }, lab.exit)
      local answer, why = client:request("GET", url .. "/devices")
      assert.is_nil(answer)
      assert.are.equal("unreachable", why)
    end)
  end)

  describe("as nodes for the wmi native", function()
    local VM = 'Msvm_ComputerSystem.CreationClassName="Msvm_ComputerSystem",' ..
      'Name="7a0e5f2c-3b61-4c1d-9e57-5d2b8c6f1a42"' -- selectors know no case

    it("satisfies it: queries, objects, methods, jobs and failures", function()
      start()
      local w = wmi.open(lab.wmi.ms1)
      assert.are.equal("Microsoft Corporation", w:identify().vendor)
      local vm = w:get(VM)
      assert.are.equal("vme2", vm.ElementName)
      assert.are.equal(3, vm.EnabledState)
      local columns = w:query("SELECT ElementName FROM Msvm_ComputerSystem WHERE EnabledState = 3")
      assert.are.equal(1, #columns)
      assert.are.equal("vme2", columns[1].ElementName)
      assert.is_nil(columns[1].EnabledState)
      local settings = w:query("ASSOCIATORS OF {" .. VM ..
        "} WHERE ResultClass=Msvm_VirtualSystemSettingData")
      assert.are.equal("vme2", settings[1].ElementName)
      local out = w:call(VM, "RequestStateChange", { RequestedState = 2 })
      assert.are.equal(4096, out.ReturnValue)
      assert.are.equal(7, out.JobState)
      assert.are.equal(2, w:get(VM).EnabledState)
      assert.is_nil(w:find((VM:gsub("1a42", "ffff"))))
      local ok, err = pcall(w.query, w, "SELECT * FROM Msvm_Nothing")
      assert.is_false(ok)
      assert.are.equal("WMI_BAD_QUERY", err.code)
      w:close()
    end)

    it("satisfies it over TLS", function()
      local tls, remove = make_certificate()
      start({ tls = { certificate = tls.certificate, key = tls.key } })
      assert.matches("^https://", lab.nodes.ms2.url)
      local options = lab.wmi.ms2
      options.ca = tls.file
      local w = wmi.open(options)
      assert.are.equal("MS2", w:query("SELECT * FROM Msvm_ComputerSystem")[1].Name)
      lab.eem.ca = tls.file
      local e = eem.open(lab.eem)
      assert.is_string(e:version())
      e:close()
      w:close()
      remove()
    end)
  end)

  describe("with latency", function()
    it("answers late without holding up others", function()
      start({ latency = { answer = 0.2 } })
      local began = scheduler.now()
      local tasks = {}
      for i = 1, 8 do
        tasks[i] = scheduler.spawn(ask, "GET", "/api_version")
      end
      for _, task in ipairs(tasks) do
        local ok, status = scheduler.join(task)
        assert.is_true(ok)
        assert.are.equal(200, status)
      end
      local took = scheduler.now() - began
      -- one after the other would take 1.6 s
      assert.is_true(took >= 0.2 and took < 1.4, tostring(took))
    end)
  end)

  describe("with a bad name for a cluster", function()
    it("does not start", function()
      start()
      local ok, why = pcall(support.start, { cluster = "no_such" })
      assert.is_false(ok)
      assert.matches("no cluster 'no_such'", failure.is(why) and why.message or why)
    end)
  end)
end)
