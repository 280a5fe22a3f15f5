local peer_module = require("wsman_peer")
local scheduler = require("core.scheduler")
local wmi = require("wmi")

local envelope, fault, items, instance = peer_module.envelope, peer_module.fault,
  peer_module.items, peer_module.instance
local output, wsman_fault, failure_of = peer_module.output, peer_module.wsman_fault,
  peer_module.failure_of
local child = peer_module.child

local ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/"
local VM = 'Msvm_ComputerSystem.CreationClassName="Msvm_ComputerSystem",Name="A"'

describe("wmi over WS-Management", function()
  local peer

  local function start(answer)
    peer = peer_module.start(answer)
    return peer:connect()
  end

  after_each(function()
    if peer then
      peer:close()
      peer = nil
    end
  end)

  describe("an envelope", function()
    it("has every header that WinRM asks for", function()
      local c = start(function()
        return items()
      end)
      c:query("SELECT * FROM Msvm_ComputerSystem")
      local request = peer.requests[1]
      assert.are.equal("POST", request.http.method)
      assert.are.equal("application/soap+xml;charset=UTF-8", request.http.headers["content-type"])
      assert.are.equal(peer.url, request.text("To"))
      assert.are.equal(peer_module.V2 .. "*", request.uri)
      assert.are.equal(ENUMERATION .. "Enumerate", request.action)
      assert.matches("^uuid:%x+%-%x+%-4%x+%-[89AB]%x+%-%x+$", request.text("MessageID"))
      assert.are.equal("512000", request.text("MaxEnvelopeSize"))
      assert.are.equal("http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous",
        child(child(request.header, "ReplyTo"), "Address").text)
      assert.are.equal("false", child(request.header, "Locale").attributes.mustUnderstand)
      for _, name in ipairs({ "ResourceURI", "Action" }) do
        assert.are.equal("true", child(request.header, name).attributes.mustUnderstand)
      end
    end)

    it("gives the server less time than it waits itself", function()
      peer = peer_module.start(function()
        return items()
      end)
      local c = peer:connect({ timeout = 10 })
      c:query("SELECT * FROM A")
      local seconds = tonumber(peer.requests[1].text("OperationTimeout"):match("^PT([%d.]+)S$"))
      assert.is_true(seconds > 5 and seconds < 10, "PT" .. seconds .. "S")
    end)

    it("differs from the one before in its MessageID", function()
      local c = start(function()
        return items()
      end)
      c:query("SELECT * FROM A")
      c:query("SELECT * FROM A")
      assert.are_not.equal(peer.requests[1].text("MessageID"), peer.requests[2].text("MessageID"))
    end)
  end)

  describe("a query", function()
    it("sends the WQL escaped, asking for the first objects at once", function()
      local c = start(function()
        return items()
      end)
      local wql = "SELECT * FROM A WHERE b<'c&d' AND e>\"f\""
      assert.are.same({}, c:query(wql))
      local enumerate = peer.requests[1].body[1]
      assert.are.equal("Enumerate", enumerate.name)
      assert.are.equal(wql, child(enumerate, "Filter").text)
      assert.are.equal("http://schemas.microsoft.com/wbem/wsman/1/WQL",
        child(enumerate, "Filter").attributes.Dialect)
      assert.is_table(child(enumerate, "OptimizeEnumeration"))
      assert.is_true(tonumber(child(enumerate, "MaxElements").text) > 1)
    end)

    it("pulls until the end, with the context of the last answer", function()
      local c = start(function(request)
        if request.verb == "Enumerate" then
          return envelope("<n:EnumerateResponse><n:EnumerationContext>c&amp;1"
            .. "</n:EnumerationContext><w:Items>" .. instance("A", "<p:N>1</p:N>")
            .. "</w:Items></n:EnumerateResponse>")
        end
        local context = child(request.body[1], "EnumerationContext").text
        if context == "c&1" then
          return envelope("<n:PullResponse><n:EnumerationContext>c2</n:EnumerationContext><n:Items>"
            .. instance("A", "<p:N>2</p:N>") .. instance("A", "<p:N>3</p:N>")
            .. "</n:Items></n:PullResponse>")
        end
        assert.are.equal("c2", context)
        return envelope("<n:PullResponse><n:Items>" .. instance("A", "<p:N>4</p:N>")
          .. "</n:Items><n:EndOfSequence/></n:PullResponse>")
      end)
      local found = c:query("SELECT * FROM A")
      assert.are.same({ "1", "2", "3", "4" }, { found[1].N, found[2].N, found[3].N, found[4].N })
      assert.are.equal(2, peer:count("Pull"))
      assert.are.equal(0, peer:count("Release"))
    end)

    it("ends where the context is empty or the end is said in the other namespace", function()
      for _, last in ipairs({
        "<n:PullResponse><n:EnumerationContext/><n:Items/></n:PullResponse>",
        "<n:PullResponse><n:EnumerationContext>c</n:EnumerationContext><w:Items/><w:EndOfSequence/>"
          .. "</n:PullResponse>",
        "<n:PullResponse><n:Items></n:Items></n:PullResponse>",
      }) do
        local c = start(function(request)
          if request.verb == "Enumerate" then
            return envelope("<n:EnumerateResponse><n:EnumerationContext>c</n:EnumerationContext>"
              .. "</n:EnumerateResponse>")
          end
          return envelope(last)
        end)
        assert.are.same({}, c:query("SELECT * FROM A"))
        assert.are.equal(1, peer:count("Pull"))
        peer:close()
      end
    end)

    it("takes a timeout of Pull as: nothing there yet", function()
      local c = start(function(request, p)
        if request.verb == "Enumerate" then
          return envelope("<n:EnumerateResponse><n:EnumerationContext>c</n:EnumerationContext>"
            .. "</n:EnumerateResponse>")
        elseif p:count("Pull") < 3 then
          return fault("w:TimedOut", "timed out", wsman_fault(2150858793))
        end
        return envelope("<n:PullResponse><n:Items>" .. instance("A", "<p:N>1</p:N>")
          .. "</n:Items><n:EndOfSequence/></n:PullResponse>")
      end)
      assert.are.equal(1, #c:query("SELECT * FROM A"))
      assert.are.equal(3, peer:count("Pull"))
    end)

    it("lets the server forget an enumeration that it does not read to the end", function()
      local c = start(function(request)
        if request.verb == "Enumerate" then
          return envelope("<n:EnumerateResponse><n:EnumerationContext>c</n:EnumerationContext>"
            .. "</n:EnumerateResponse>")
        elseif request.verb == "Pull" then
          return fault("w:Concurrency", "busy", wsman_fault(2150858802))
        end
        return envelope("")
      end)
      local failure = failure_of(c.query, c, "SELECT * FROM A")
      assert.are.equal("WMI_BUSY", failure.code)
      assert.is_true(failure.transient)
      assert.are.equal(1, peer:count("Release"))
      assert.are.equal("c", child(peer.requests[3].body[1], "EnumerationContext").text)
    end)

    it("begins again, once, when the connection breaks", function()
      local c = start(function(request, p)
        if request.verb == "Pull" and p:count("Pull") == 1 then
          request.http.close()
          return
        elseif request.verb == "Pull" then
          return envelope("<n:PullResponse><n:Items>" .. instance("A", "<p:N>2</p:N>")
            .. "</n:Items><n:EndOfSequence/></n:PullResponse>")
        end
        return envelope("<n:EnumerateResponse><n:EnumerationContext>c</n:EnumerationContext>"
          .. "<w:Items>" .. instance("A", "<p:N>1</p:N>") .. "</w:Items></n:EnumerateResponse>")
      end)
      local found = c:query("SELECT * FROM A")
      assert.are.same({ "1", "2" }, { found[1].N, found[2].N })
      assert.are.equal(2, peer:count("Enumerate"))
    end)

    it("gives up when the connection breaks again", function()
      local c = start(function(request)
        request.http.close()
      end)
      local failure = failure_of(c.query, c, "SELECT * FROM A")
      assert.are.equal("WMI_UNREACHABLE", failure.code)
      assert.is_nil(failure.maybe_executed)
      assert.are.equal(2, peer:count("Enumerate"))
    end)
  end)

  describe("get", function()
    it("sends the keys of the path as selectors and gives the object with its path", function()
      local c = start(function()
        return envelope(instance("Msvm_ComputerSystem", "<p:CreationClassName>Msvm_ComputerSystem"
          .. "</p:CreationClassName><p:Name>A</p:Name><p:EnabledState>2</p:EnabledState>"))
      end)
      local vm = c:get([[\\HOST\root\virtualization\v2:]] .. VM)
      local request = peer.requests[1]
      assert.are.equal("http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", request.action)
      assert.are.equal(peer_module.V2 .. "Msvm_ComputerSystem", request.uri)
      assert.are.same({ CreationClassName = "Msvm_ComputerSystem", Name = "A" }, request.selectors)
      assert.are.same({ __class = "Msvm_ComputerSystem", __path = VM, Name = "A", EnabledState = 2,
        CreationClassName = "Msvm_ComputerSystem" }, vm)
    end)

    it("takes the namespace from the path where there is one", function()
      local c = start(function()
        return envelope(instance("Win32_OperatingSystem", ""))
      end)
      c:get([[\\.\root\cimv2:Win32_OperatingSystem=@]])
      assert.are.equal(
        "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_OperatingSystem",
        peer.requests[1].uri)
    end)

    it("raises WMI_NOT_FOUND, where find gives nil", function()
      local c = start(function()
        return fault("w:InternalError", "no", wsman_fault(2150858752, "HRESULT = 0x80041002"))
      end)
      local failure = failure_of(c.get, c, VM)
      assert.are.equal("WMI_NOT_FOUND", failure.code)
      assert.are.equal(VM, failure.target)
      assert.is_nil(c:find(VM))
    end)

    it("raises in find what is not an absence", function()
      local c = start(function()
        return fault("w:AccessDenied", "no", wsman_fault(5))
      end)
      assert.are.equal("WMI_ACCESS", failure_of(c.find, c, VM).code)
    end)

    it("asks once more when the connection breaks", function()
      local c = start(function(request, p)
        if #p.requests == 1 then
          request.http.close()
          return
        end
        return envelope(instance("A", ""))
      end)
      assert.are.equal("A", c:get(VM).__class)
    end)
  end)

  describe("identify", function()
    it("tells who answers", function()
      local c = start(function()
        return envelope("<i:IdentifyResponse xmlns:i='urn:i'><i:ProtocolVersion>p"
          .. "</i:ProtocolVersion><i:ProductVendor>v</i:ProductVendor><i:ProductVersion>OS: 10"
          .. "</i:ProductVersion></i:IdentifyResponse>")
      end)
      assert.are.same({
        vendor = "v", version = "OS: 10", protocol = "p", security = "no login, unencrypted",
      }, c:identify())
      local element = peer.requests[1].body[1]
      assert.are.equal("Identify", element.name)
      assert.are.equal("http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
        element.ns)
    end)
  end)

  describe("a fault", function()
    local function failure_for(answer)
      local c = start(function()
        return answer
      end)
      local failure = failure_of(c.query, c, "SELECT * FROM A")
      peer:close()
      peer = nil
      return failure
    end

    it("is read from WSManFault, and its text becomes one line", function()
      local failure = failure_for(fault("w:CannotProcessFilter", "outer", wsman_fault(2150858778,
        "\n The  filter\n cannot be processed. ")))
      assert.are.equal("WMI_BAD_QUERY", failure.code)
      assert.are.equal("The filter cannot be processed", failure.message)
      assert.are.equal(2150858778, failure.hresult)
      assert.are.equal(500, failure.http)
      assert.is_false(failure.transient)
    end)

    it("counts the provider's error inside it more", function()
      local failure = failure_for(fault("w:CannotProcessFilter", "outer",
        [[<f:WSManFault Code="2150858778"><f:Message><f:ProviderFault provider="WMI Provider">
          <f:WSManFault Code="2147749904"><f:Message>Invalid class </f:Message></f:WSManFault>
          </f:ProviderFault></f:Message></f:WSManFault>]]))
      assert.are.equal("WMI_BAD_CLASS", failure.code)
      assert.are.equal(0x80041010, failure.hresult)
      assert.are.equal("Invalid class", failure.message)
    end)

    it("is read from MSFT_WmiError", function()
      local failure = failure_for(fault("w:InternalError", "outer",
        [[<p:MSFT_WmiError
          xmlns:p="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError">
          <p:CIMStatusCode xsi:type="cim:cimUnsignedInt">6</p:CIMStatusCode>
          <p:Message xsi:type="cim:cimString">Not found</p:Message>
          <p:MessageID>HRESULT 0x80041002</p:MessageID><p:error_Code>2147749890</p:error_Code>
          </p:MSFT_WmiError>]], 400))
      assert.are.equal("WMI_NOT_FOUND", failure.code)
      assert.are.equal(0x80041002, failure.hresult)
      assert.are.equal(400, failure.http)
      assert.are.equal("Not found", failure.message)
    end)

    it("is told by its subcode or CIM status where there is no number", function()
      assert.are.equal("WMI_ACCESS", failure_for(fault("w:AccessDenied", "no")).code)
      assert.are.equal("WMI_BAD_CLASS", failure_for(fault("s:X", "no",
        "<p:MSFT_WmiError xmlns:p='urn:p'><p:CIMStatusCode>5</p:CIMStatusCode></p:MSFT_WmiError>")
      ).code)
    end)

    it("has a stable code for each of the known numbers", function()
      for number, code in pairs({
        [5] = "WMI_ACCESS", [0x80041003] = "WMI_ACCESS", [0x80041008] = "WMI_BAD_PARAMETER",
        [0x8004102F] = "WMI_BAD_PARAMETER", [0x8004100E] = "WMI_BAD_CLASS",
        [0x80041017] = "WMI_BAD_QUERY", [2150858793] = "WMI_TIMEOUT",
        [2150858790] = "WMI_TOO_LARGE", [2150858817] = "WMI_BAD_PARAMETER",
        [2150858842] = "WMI_BAD_PARAMETER", [2150858811] = "WMI_BAD_CLASS",
        [0x80041001] = "WMI_FAULT",
      }) do
        assert.are.equal(code, failure_for(fault("s:X", "t", wsman_fault(number))).code, number)
      end
    end)

    it("is transient where the server only has too much to do", function()
      for _, number in ipairs({ 2150858815, 2150858802, 2150859174, 0x80041045 }) do
        local failure = failure_for(fault("s:X", "t", wsman_fault(number)))
        assert.are.equal("WMI_BUSY", failure.code)
        assert.is_true(failure.transient)
      end
    end)

    it("gives the reason where there is nothing else, with HTTP 200 as well", function()
      local failure = failure_for(fault("s:X", "only this", "", 200))
      assert.are.equal("WMI_FAULT", failure.code)
      assert.are.equal("only this", failure.message)
    end)
  end)

  describe("an answer that is none", function()
    local function failure_for(answer, options)
      peer = peer_module.start(function()
        return answer
      end)
      local c = peer:connect(options)
      local failure = failure_of(c.query, c, "SELECT * FROM A")
      peer:close()
      peer = nil
      return failure
    end

    it("is WMI_AUTH for 401", function()
      local failure = failure_for({ status = 401, body = "" },
        { user = "u", password = "p", auth = "basic" })
      assert.are.equal("WMI_AUTH", failure.code)
      assert.are.equal(401, failure.http)
    end)

    it("says after 401 what would be taken, by what was tried", function()
      local windows = { status = 401, body = "",
        headers = { ["WWW-Authenticate"] = "Negotiate, Kerberos" } }
      local function basic()
        return { user = "u", password = "p", auth = "basic" }
      end
      assert.matches("does not take Basic", failure_for(windows, basic()).hint)
      assert.matches("give user and password", failure_for(windows).hint)
      windows.headers["WWW-Authenticate"] = 'Basic realm="WSMAN"'
      assert.matches("local accounts", failure_for(windows, basic()).hint)
    end)

    it("is the refusal of what is not encrypted, for 500 without a word", function()
      local failure = failure_for({ status = 500, body = "" })
      assert.are.equal("WMI_FAULT", failure.code)
      assert.are.equal(500, failure.http)
      assert.matches("does not take unencrypted requests", failure.message)
    end)

    it("is WMI_BAD_ANSWER for HTML, broken, foreign and empty documents", function()
      local whole = items(instance("A", "<p:N>1</p:N>")).body
      for _, body in ipairs({ "<html><body>Bad Gateway</body></html>", "<html><br>", "", "{}",
        "<a/>", whole:sub(1, #whole // 2), whole .. "x" }) do
        local failure = failure_for({ status = 502, body = body })
        assert.are.equal("WMI_BAD_ANSWER", failure.code)
        assert.are.equal(502, failure.http)
      end
      local failure = failure_for({ status = 200, body = whole:sub(1, -2) })
      assert.are.equal("WMI_BAD_ANSWER", failure.code)
      assert.are.equal("WMI_BAD_ANSWER", failure_for(envelope("")).code)
      assert.are.equal("WMI_BAD_ANSWER", failure_for(envelope("<n:EnumerateResponse/>")).code)
    end)

    it("is WMI_BAD_ANSWER for entities and for deep nesting", function()
      local bomb = '<!DOCTYPE a [<!ENTITY x "yyyyyyyyyy">]>' .. envelope("&x;").body
      assert.are.equal("WMI_BAD_ANSWER", failure_for({ status = 200, body = bomb }).code)
      local deep = envelope(("<a:x>"):rep(5000) .. ("</a:x>"):rep(5000))
      assert.are.equal("WMI_BAD_ANSWER", failure_for(deep).code)
    end)

    it("is WMI_TOO_LARGE beyond the limit", function()
      local failure = failure_for(envelope((" "):rep(100000)), { max_answer = "64KiB" })
      assert.are.equal("WMI_TOO_LARGE", failure.code)
      assert.are.equal("WMI_TOO_LARGE", failure_for(envelope((" "):rep(40 * 1024 * 1024))).code)
    end)

    it("is WMI_TIMEOUT when it does not come in time", function()
      peer = peer_module.start(function()
        scheduler.sleep(0.6)
        return items()
      end)
      local c = peer:connect({ timeout = 0.25 }) -- enough for the connection itself
      local failure = failure_of(c.query, c, "SELECT * FROM A")
      assert.are.equal("WMI_TIMEOUT", failure.code)
      assert.is_true(failure.transient)
      assert.is_nil(failure.maybe_executed)
    end)

    it("is WMI_UNREACHABLE when nobody listens", function()
      peer = peer_module.start(function() end)
      local c = peer:connect()
      peer.server:close()
      local failure = failure_of(c.query, c, "SELECT * FROM A")
      assert.are.equal("WMI_UNREACHABLE", failure.code)
      assert.matches("127.0.0.1", failure.target)
    end)
  end)

  describe("a method call", function()
    local function call_failure(answer, options)
      peer = peer_module.start(answer)
      local c = peer:connect(options)
      local failure = failure_of(c.call, c, VM, "RequestStateChange", { RequestedState = 2 })
      assert.are.equal(peer.expected or 1, peer:count("RequestStateChange"))
      return failure
    end

    it("is addressed to the object, with its parameters in the namespace of the class", function()
      local c = start(function()
        return output("RequestStateChange", "Msvm_ComputerSystem",
          "<p:ReturnValue>0</p:ReturnValue>")
      end)
      local out = c:call(VM, "RequestStateChange", { RequestedState = 2 })
      assert.are.same({ __class = "RequestStateChange_OUTPUT", ReturnValue = 0 }, out)
      local request = peer.requests[1]
      assert.are.equal(peer_module.V2 .. "Msvm_ComputerSystem/RequestStateChange", request.action)
      assert.are.equal(peer_module.V2 .. "Msvm_ComputerSystem", request.uri)
      assert.are.same({ CreationClassName = "Msvm_ComputerSystem", Name = "A" }, request.selectors)
      local input = request.body[1]
      assert.are.equal("RequestStateChange_INPUT", input.name)
      assert.are.equal(request.uri, input.ns)
      assert.are.equal("2", child(input, "RequestedState").text)
      assert.are.equal(request.uri, input[1].ns)
    end)

    it("is never sent twice, and says when it may have been executed", function()
      local failure = call_failure(function(request)
        request.http.close()
      end)
      assert.are.equal("WMI_UNREACHABLE", failure.code)
      assert.is_true(failure.maybe_executed)
    end)

    it("may have been executed when its answer is late", function()
      local failure = call_failure(function()
        scheduler.sleep(0.2)
        return output("RequestStateChange", "A", "<p:ReturnValue>0</p:ReturnValue>")
      end, { timeout = 0.03 })
      assert.are.equal("WMI_TIMEOUT", failure.code)
      assert.is_true(failure.maybe_executed)
    end)

    it("may have been executed when the server says that it timed out", function()
      local failure = call_failure(function()
        return fault("w:TimedOut", "timed out", wsman_fault(2150858793))
      end)
      assert.are.equal("WMI_TIMEOUT", failure.code)
      assert.is_true(failure.maybe_executed)
    end)

    it("may have been executed when the answer cannot be read", function()
      for _, answer in ipairs({
        { status = 502, body = "<html>Bad Gateway" },
        envelope("<p:Other_OUTPUT xmlns:p='urn:p'/>"),
        output("RequestStateChange", "A", ""),
      }) do
        local failure = call_failure(function()
          return answer
        end)
        assert.are.equal("WMI_BAD_ANSWER", failure.code)
        assert.is_true(failure.maybe_executed)
        peer:close()
      end
      local failure = call_failure(function()
        return envelope((" "):rep(100000))
      end, { max_answer = "64KiB" })
      assert.are.equal("WMI_TOO_LARGE", failure.code)
      assert.is_true(failure.maybe_executed)
    end)

    it("has not been executed when it was refused or could not be sent", function()
      local failure = call_failure(function()
        return fault("w:AccessDenied", "no", wsman_fault(5))
      end)
      assert.are.equal("WMI_ACCESS", failure.code)
      assert.is_nil(failure.maybe_executed)
      peer:close()
      failure = call_failure(function()
        return { status = 401, body = "" }
      end)
      assert.are.equal("WMI_AUTH", failure.code)
      assert.is_nil(failure.maybe_executed)
      local c = peer:connect()
      peer.server:close()
      failure = failure_of(c.call, c, VM, "RequestStateChange", { RequestedState = 2 })
      assert.are.equal("WMI_UNREACHABLE", failure.code)
      assert.is_nil(failure.maybe_executed)
    end)
  end)

  describe("a connection", function()
    it("sends user and password by itself", function()
      peer = peer_module.start(function()
        return items()
      end)
      peer:connect({ user = "admin", password = "pass", auth = "basic" }):query("SELECT * FROM A")
      assert.are.equal("Basic YWRtaW46cGFzcw==", peer.requests[1].http.headers.authorization)
      assert.are.equal(1, #peer.requests)
    end)

    it("goes on in another namespace after the first handle is closed", function()
      local c = start(function()
        return items()
      end)
      local other = c:namespace([[root\cimv2]])
      c:close()
      c:close()
      other:query("SELECT * FROM Win32_PnPEntity")
      assert.are.equal("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*",
        peer.requests[1].uri)
      other:close()
      assert.has_error(function()
        c:query("SELECT * FROM A")
      end)
    end)

    it("serves several tasks at the same time", function()
      local waiting = 0
      local c = start(function(request)
        waiting = waiting + 1
        for _ = 1, 200 do
          if waiting >= 3 then
            break
          end
          scheduler.sleep(0.005)
        end
        return items(instance("A", "<p:N>" .. request.filter:match("%d") .. "</p:N>"))
      end)
      local tasks = {}
      for i = 1, 3 do
        tasks[i] = scheduler.spawn(function()
          return c:query("SELECT * FROM A" .. i)[1].N
        end)
      end
      for i, task in ipairs(tasks) do
        assert.are.same({ true, tostring(i) }, { scheduler.join(task) })
      end
    end)

    it("ends a query at the deadline of its task", function()
      local c = start(function()
        scheduler.sleep(0.2)
        return items()
      end)
      local ok, failure = scheduler.until_time(scheduler.now() + 0.03, function()
        c:query("SELECT * FROM A")
      end)
      assert.is_false(ok)
      assert.are.equal("WMI_TIMEOUT", failure.code)
    end)

    it("refuses misuse with the line of the script", function()
      for _, options in ipairs({
        {}, { host = "a", url = "http://a" }, { host = "a/b" }, { host = "u@a" }, { host = "" },
        { url = "ftp://a" }, { host = "a", namespace = "x y" }, { host = "a", auth = "digest" },
        { host = "a", auth = "basic", keytab = "f" },
        { url = "http://192.0.2.1/wsman", user = "u", password = "p", auth = "basic" },
        { host = "a", transport = "dcom" }, { host = "a", port = 1 },
      }) do
        local message = failure_of(function()
          wmi.open(options):close()
        end)
        assert.matches("wmi_spec.lua:%d+: wmi.open: ", tostring(message))
      end
      for _, host in ipairs({ "ms1", "ms1:5986", "::1", "[::1]", "[::1]:5986", "192.168.0.1" }) do
        wmi.open({ host = host }):close()
      end
    end)
  end)
end)
