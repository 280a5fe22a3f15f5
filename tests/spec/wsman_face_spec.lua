-- The WS-Management face on a provider made for this spec: what goes over the wire, no sockets.
-- Shapes of messages: fact sheet hyperv-wmi, section 4.
local paths = require("lab.provider.paths")
local scheduler = require("host.scheduler")
local world_errors = require("lab.world.errors")
local wsman = require("lab.wsman")
local xml = require("xml")

local BASE = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/"
local GET = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"
local ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/"
local WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"

---- a provider -----------------------------------------------------------------------------------

local PROPERTIES = {
  { name = "CreationClassName", type = "string" },
  { name = "Name", type = "string" },
  { name = "Caption", type = "string" },
  { name = "State", type = "uint16" },
  { name = "Codes", type = "uint16", array = true },
  { name = "Big", type = "uint64" },
  { name = "Enabled", type = "boolean" },
  { name = "Changed", type = "datetime" },
  { name = "UpTime", type = "datetime" },
  { name = "Owner", type = "reference" },
  { name = "Detail", type = "instance" },
  { name = "Items", type = "embedded", array = true },
}

local CLASSES = {
  test_system = {
    name = "Test_System", super = { "CIM_System" }, keys = { "CreationClassName", "Name" },
    properties = PROPERTIES,
    methods = {
      Change = {
        ins = {
          { name = "Text", type = "string" }, { name = "Number", type = "uint16" },
          { name = "Flag", type = "boolean" }, { name = "List", type = "string", array = true },
          { name = "Target", type = "reference" },
          { name = "Targets", type = "reference", array = true },
          { name = "Setting", type = "embedded" }, { name = "When", type = "datetime" },
        },
        outs = {},
      },
    },
  },
  test_sub = {
    name = "Test_Sub", super = { "Test_System", "CIM_System" },
    keys = { "CreationClassName", "Name" }, properties = PROPERTIES, methods = {},
  },
  test_detail = {
    name = "Test_Detail", keys = {}, methods = {},
    properties = { { name = "Label", type = "string" }, { name = "Count", type = "uint32" } },
  },
}

local function system(class, name, values)
  values.CreationClassName, values.Name = class, name
  return { class = class, values = values }
end

local function fake_provider()
  local provider = {
    list = {
      system("Test_System", "one", {
        Caption = "First <&> 計算", State = 2, Codes = { 2, 32768 }, Big = "18446744073709551615",
        Enabled = true, Changed = "20240102030405.000000+540", UpTime = "00000000004500.000000:000",
        Owner = { class = "Test_System", keys = {
          CreationClassName = "Test_System", Name = "two" } },
        Detail = { class = "Test_Detail", values = { Label = "inner", Count = 3 } },
        Items = { { class = "Test_Detail", values = { Label = "a<b" } } },
      }),
      system("Test_System", "two", { State = 3, Enabled = false }),
      system("Test_Sub", "three", { State = 2 }),
    },
  }
  function provider:class(name)
    return CLASSES[name:lower()]
  end
  function provider:instances(class)
    local found = {}
    for _, instance in ipairs(self.list) do
      if class:lower() == "test_system" or instance.class:lower() == class:lower() then
        found[#found + 1] = instance
      end
    end
    return found
  end
  function provider:get(_, keys)
    for _, instance in ipairs(self.list) do
      if keys.Name and keys.Name:lower() == instance.values.Name then
        return instance
      end
    end
    world_errors.wmi(0x80041002, "Not found")
  end
  function provider:associators(class, keys, how)
    self.asked = { class = class, keys = keys, how = how }
    return { self.list[2] }
  end
  function provider:call(class, keys, method, arguments)
    self.called = { class = class, keys = keys, method = method, arguments = arguments }
    return self.outs or { { name = "ReturnValue", type = "uint32", value = 0 } }
  end
  return provider
end

---- requests -------------------------------------------------------------------------------------

describe("the WS-Management face", function()
  local provider, face, world, rule

  local function new_face(options)
    options = options or {}
    options.world = function()
      return world
    end
    options.node = "ms1"
    options.provider = {
      new = function(_, node, namespace)
        return node == "ms1" and namespace:lower() == "root/test" and provider or nil
      end,
      path = paths.format, parse_path = paths.parse,
    }
    return wsman.new(options)
  end

  before_each(function()
    provider = fake_provider()
    rule = nil
    world = {
      latency = { answer = 0 },
      faults = {
        take = function(self, target, call)
          self.target, self.call = target, call
          return rule
        end,
      },
      advance = function() end,
    }
    face = new_face()
  end)

  local function header(action, options)
    local selectors = {}
    for name, value in pairs(options.selectors or {}) do
      selectors[#selectors + 1] = ('<w:Selector Name="%s">%s</w:Selector>'):format(name, value)
    end
    return ([[<a:To>http://x/wsman</a:To>
      <w:ResourceURI s:mustUnderstand="true">%s</w:ResourceURI>%s
      <a:Action s:mustUnderstand="true">%s</a:Action><a:MessageID>uuid:1</a:MessageID>
      <w:MaxEnvelopeSize s:mustUnderstand="true">%d</w:MaxEnvelopeSize>
      <w:OperationTimeout>%s</w:OperationTimeout>
      <w:Locale xml:lang="en-US" s:mustUnderstand="false"/>%s%s]]):format(
      options.uri or BASE .. "Test_System",
      options.no_reply_to and "" or "<a:ReplyTo><a:Address>" ..
        "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>",
      action, options.max_envelope or 153600, options.timeout or "PT60.000S",
      #selectors > 0 and "<w:SelectorSet>" .. table.concat(selectors) .. "</w:SelectorSet>" or "",
      options.extra or "")
  end

  local function post(body, headers)
    return face:handle({ method = "POST", path = "/wsman", headers = headers or {}, body = body,
      query = {}, close = function()
        rule = "closed"
      end })
  end

  -- Sends; gives the answer's body element, the HTTP status and the whole text.
  local function send(action, body, options)
    local answer = post(([[<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
      xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
      xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
      xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"
      xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
      <s:Header>%s</s:Header><s:Body>%s</s:Body></s:Envelope>]]):format(
      header(action, options or {}), body or ""))
    if not answer then
      return nil
    end
    local root = xml.parse(answer.body, {})
    return root[2][1], answer.status, answer.body, root[1]
  end

  local function child(element, ...)
    for _, name in ipairs({ ... }) do
      local found
      for _, inner in ipairs(element) do
        found = found or inner.name == name and inner
      end
      element = assert(found, "there is no " .. name)
    end
    return element
  end

  local function fault_code(body, status)
    assert.are.equal("Fault", body.name)
    assert.are.equal(500, status)
    local detail = child(body, "Detail")
    for _, inner in ipairs(detail) do
      if inner.name == "WSManFault" then
        return tonumber(inner.attributes.Code)
      elseif inner.name == "MSFT_WmiError" then
        return tonumber(child(inner, "error_Code").text)
      end
    end
  end

  local function names(items)
    local list = {}
    for _, item in ipairs(items) do
      list[#list + 1] = child(item, "Name").text
    end
    return list
  end

  local function wql(text, more)
    return ('<n:Enumerate>%s<w:Filter Dialect="%s">%s</w:Filter></n:Enumerate>'):format(
      more or "<w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements>", WQL, xml.escape(text))
  end

  local function query(text, options)
    options = options or {}
    options.uri = BASE .. "*"
    return send(ENUMERATION .. "Enumerate", wql(text, options.more), options)
  end

  it("writes an instance with its types", function()
    local body, status, text, head = send(GET, "", { selectors = { name = "ONE" } })
    assert.are.equal(200, status)
    assert.are.equal("uuid:1", child(head, "RelatesTo").text)
    assert.are.equal(GET .. "Response", child(head, "Action").text)
    assert.are.equal("Test_System", body.name)
    assert.are.equal(BASE .. "Test_System", body.ns)
    assert.are.equal("p:Test_System_Type", body.attributes.type)
    assert.are.equal("First <&> 計算", child(body, "Caption").text)
    assert.are.equal("true", child(body, "Enabled").text)
    assert.are.equal("18446744073709551615", child(body, "Big").text)
    assert.are.equal("2024-01-02T03:04:05+09:00", child(body, "Changed", "Datetime").text)
    assert.are.equal("P0DT0H45M0S", child(body, "UpTime", "Interval").text)
    assert.are.equal("inner", child(body, "Detail", "Label").text)
    assert.are.equal("q:Test_Detail_Type", child(body, "Detail").attributes.type)
    assert.are.equal('<INSTANCE CLASSNAME="Test_Detail"><PROPERTY NAME="Label" TYPE="string">' ..
      '<VALUE>a&lt;b</VALUE></PROPERTY><PROPERTY NAME="Count" TYPE="uint32"></PROPERTY></INSTANCE>',
      child(body, "Items").text)
    assert.are.equal(BASE .. "Test_System",
      child(body, "Owner", "ReferenceParameters", "ResourceURI").text)
    local _, codes = text:gsub("<p:Codes>", "")
    assert.are.equal(2, codes)
  end)

  it("marks null properties", function()
    local body = send(GET, "", { selectors = { Name = "two" } })
    assert.are.equal("true", child(body, "Caption").attributes["nil"])
    assert.are.equal("false", child(body, "Enabled").text)
  end)

  it("refuses what it cannot find, in both forms of an HRESULT", function()
    local body, status = send(GET, "", { selectors = { Name = "none" } })
    assert.are.equal(0x80041002, fault_code(body, status))
    assert.are.equal("HRESULT 0x80041002",
      child(body, "Detail", "MSFT_WmiError", "MessageID").text)
    face = new_face({ fault_form = "wsman" })
    body, status = send(GET, "", { selectors = { Name = "none" } })
    assert.are.equal(0x80041002, fault_code(body, status))
    local inner = child(body, "Detail", "WSManFault", "Message", "ProviderFault", "WSManFault")
    assert.matches("HRESULT = 0x80041002", child(inner, "Message").text)
  end)

  it("refuses missing and wrong selectors, classes, namespaces, actions and headers", function()
    local function code(...)
      local body, status = send(...)
      return fault_code(body, status)
    end
    assert.are.equal(0x8004102F, code(GET, ""))
    assert.are.equal(2150858843, code(GET, "", { selectors = { Foo = "x" } }))
    assert.are.equal(0x80041010, code(GET, "", { uri = BASE .. "No_Class" }))
    assert.are.equal(0x8004100E,
      code(GET, "", { uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/other/X" }))
    assert.are.equal(2150858752, code(GET, "", { uri = "http://example.org/x" }))
    assert.are.equal(2150858771, code("http://example.org/action", ""))
    assert.are.equal(2150858769, code(GET, "", { no_reply_to = true }))
    local body = send(GET, "", { extra = '<a:Strange s:mustUnderstand="true"/>' })
    assert.are.equal("s:MustUnderstand", child(body, "Code", "Value").text)
    assert.are.equal("Test_System", send(GET, "", { selectors = { Name = "one" },
      extra = '<a:Strange s:mustUnderstand="false"/>' }).name)
  end)

  it("answers 400 to what is not an envelope", function()
    for _, body in ipairs({ "", "<x/>", "<s:Envelope", "\0\1" }) do
      local answer = post(body)
      assert.are.equal(400, answer.status)
      assert.matches("Fault", answer.body)
    end
  end)

  it("enumerates a class without a filter, sub-classes too", function()
    local body = send(ENUMERATION .. "Enumerate",
      "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>50</w:MaxElements></n:Enumerate>")
    local items = child(body, "Items")
    assert.are.same({ "one", "two", "three" }, names(items))
    assert.are.equal("Test_Sub", items[3].name)
    assert.are.equal(BASE .. "Test_Sub", items[3].ns)
    child(body, "EndOfSequence")
  end)

  it("hands items out in Pulls", function()
    local body = send(ENUMERATION .. "Enumerate", "<n:Enumerate/>")
    local context = child(body, "EnumerationContext").text
    local function pull(more)
      return send(ENUMERATION .. "Pull", ("<n:Pull><n:EnumerationContext>%s" ..
        "</n:EnumerationContext>%s</n:Pull>"):format(context, more or ""))
    end
    body = pull() -- one item unless asked for more
    assert.are.same({ "one" }, names(child(body, "Items")))
    context = child(body, "EnumerationContext").text
    body = pull("<n:MaxElements>10</n:MaxElements>")
    assert.are.same({ "two", "three" }, names(child(body, "Items")))
    child(body, "EndOfSequence")
    local status
    body, status = pull()
    assert.are.equal(2150858779, fault_code(body, status))
  end)

  it("forgets an enumeration that is released", function()
    local body = send(ENUMERATION .. "Enumerate", "<n:Enumerate/>")
    local status
    local context = "<n:EnumerationContext>" .. child(body, "EnumerationContext").text ..
      "</n:EnumerationContext>"
    body, status = send(ENUMERATION .. "Release", "<n:Release>" .. context .. "</n:Release>")
    assert.is_nil(body)
    assert.are.equal(200, status)
    body, status = send(ENUMERATION .. "Pull", "<n:Pull>" .. context .. "</n:Pull>")
    assert.are.equal(2150858779, fault_code(body, status))
  end)

  it("splits items over Pulls in a small envelope, and refuses one that never fits", function()
    provider.list = {}
    for i = 1, 8 do
      provider.list[i] = system("Test_System", "n" .. i, { Caption = ("x"):rep(2000) })
    end
    local all = {}
    local body = query("SELECT * FROM Test_System", { max_envelope = 8192 })
    while true do
      local items = child(body, "Items")
      assert.is_true(#items >= 1 and #items < 4)
      for _, name in ipairs(names(items)) do
        all[#all + 1] = name
      end
      local context = child(body, "EnumerationContext").text
      if context == "" then
        break
      end
      local status, text
      body, status, text = send(ENUMERATION .. "Pull", ("<n:Pull><n:EnumerationContext>%s" ..
        "</n:EnumerationContext><n:MaxElements>50</n:MaxElements></n:Pull>"):format(context),
        { max_envelope = 8192 })
      assert.are.equal(200, status)
      assert.is_true(#text <= 8192)
      if #body > 0 and body[#body].name == "EndOfSequence" then
        for _, name in ipairs(names(child(body, "Items"))) do
          all[#all + 1] = name
        end
        break
      end
    end
    assert.are.same({ "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8" }, all)

    provider.list[1].values.Caption = ("x"):rep(9000)
    local status
    body, status = query("SELECT * FROM Test_System", { max_envelope = 8192 })
    assert.are.equal(2150858805, fault_code(body, status))
    body, status = send(GET, "", { selectors = { Name = "n1" }, max_envelope = 8192 })
    assert.are.equal(2150858805, fault_code(body, status))
    body, status = send(GET, "", { selectors = { Name = "n1" }, max_envelope = 8191 })
    assert.are.equal(2150858824, fault_code(body, status))
  end)

  it("takes WQL only with the class *", function()
    local body = query("SELECT * FROM Test_System WHERE State = 2 AND Name <> 'three'")
    assert.are.same({ "one" }, names(child(body, "Items")))
    local status
    body, status = send(ENUMERATION .. "Enumerate", wql("SELECT * FROM Test_System"))
    assert.are.equal(2150858778, fault_code(body, status))
    assert.matches("must be '%*'", child(body, "Reason", "Text").text)
  end)

  it("refuses bad queries, unknown classes and properties, and unknown dialects", function()
    for _, text in ipairs({ "SELECT", "SELECT * FROM No_Class",
      "SELECT * FROM Test_System WHERE Foo = 1", "SELECT Foo FROM Test_System" }) do
      local body, status = query(text)
      assert.are.equal(2150858778, fault_code(body, status), text)
    end
    local body, status = send(ENUMERATION .. "Enumerate",
      '<n:Enumerate><w:Filter Dialect="http://example.org/x">y</w:Filter></n:Enumerate>')
    assert.are.equal(2150858777, fault_code(body, status))
  end)

  it("gives named columns as a fragment, or as an instance where told so", function()
    local text = "SELECT Name, Changed FROM Test_System WHERE Name = 'one'"
    local item = child(query(text), "Items")[1]
    assert.are.equal("XmlFragment", item.name)
    assert.are.equal(2, #item)
    assert.are.equal("one", child(item, "Name").text)
    assert.are.equal("", child(item, "Name").ns)
    assert.are.equal("2024-01-02T03:04:05+09:00", child(item, "Changed", "Datetime").text)
    face = new_face({ fragments = false })
    item = child(query(text), "Items")[1]
    assert.are.equal("Test_System", item.name)
    assert.are.equal(2, #item)
  end)

  it("follows associations", function()
    local body = query([[ASSOCIATORS OF {\\MS1\root\test:Test_System.Name="a\\b"} ]] ..
      "WHERE AssocClass=Test_Link ResultClass=Test_System")
    assert.are.same({ "two" }, names(child(body, "Items")))
    assert.are.same({
      class = "Test_System", keys = { Name = [[a\b]] },
      how = { assoc_class = "Test_Link", result_class = "Test_System" },
    }, provider.asked)
  end)

  it("gives references instead of objects, or beside them", function()
    local function enumerate(mode)
      return child(send(ENUMERATION .. "Enumerate", ("<n:Enumerate><w:OptimizeEnumeration/>" ..
        "<w:MaxElements>9</w:MaxElements><w:EnumerationMode>%s</w:EnumerationMode>" ..
        "</n:Enumerate>"):format(mode)), "Items")
    end
    local items = enumerate("EnumerateEPR")
    assert.are.equal("EndpointReference", items[1].name)
    assert.are.equal("Name",
      child(items[1], "ReferenceParameters", "SelectorSet")[2].attributes.Name)
    assert.are.equal("one", child(items[1], "ReferenceParameters", "SelectorSet")[2].text)
    items = enumerate("EnumerateObjectAndEPR")
    assert.are.equal("Item", items[1].name)
    assert.are.equal("one", child(items[1], "Test_System", "Name").text)
    child(items[1], "EndpointReference")
  end)

  it("filters by selectors", function()
    local body = send(ENUMERATION .. "Enumerate", [[<n:Enumerate><w:OptimizeEnumeration/>
      <w:MaxElements>9</w:MaxElements><w:Filter
      Dialect="http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"><w:SelectorSet>
      <w:Selector Name="State">2</w:Selector></w:SelectorSet></w:Filter></n:Enumerate>]])
    assert.are.same({ "one", "three" }, names(child(body, "Items")))
  end)

  ---- Invoke -------------------------------------------------------------------------------------

  local CHANGE = BASE .. "Test_System/Change"

  local function invoke(parameters, options)
    options = options or {}
    options.selectors = options.selectors or { Name = "one" }
    return send(CHANGE, ('<p:Change_INPUT xmlns:p="%sTest_System">%s</p:Change_INPUT>'):format(
      BASE, parameters), options)
  end

  local EPR = [[<a:Address>http://x</a:Address><a:ReferenceParameters><w:ResourceURI>]] .. BASE ..
    [[Test_System</w:ResourceURI><w:SelectorSet><w:Selector Name="Name">two</w:Selector>]] ..
    [[</w:SelectorSet></a:ReferenceParameters>]]

  it("reads every kind of parameter", function()
    local body, status = invoke("<p:Text>a &lt;b&gt;</p:Text><p:Number>7</p:Number>" ..
      "<p:Flag>TRUE</p:Flag><p:List>x</p:List><p:List>y</p:List><p:Target>" .. EPR ..
      "</p:Target><p:Targets>" .. EPR .. "</p:Targets><p:Targets>" .. EPR .. "</p:Targets>" ..
      [[<p:Setting><![CDATA[<INSTANCE CLASSNAME="C"><PROPERTY NAME="N" TYPE="uint64"><VALUE>5]] ..
      [[</VALUE></PROPERTY><PROPERTY.ARRAY NAME="L" TYPE="string"><VALUE.ARRAY><VALUE>p</VALUE>]] ..
      [[</VALUE.ARRAY></PROPERTY.ARRAY><PROPERTY NAME="F" TYPE="boolean"><VALUE>false</VALUE>]] ..
      [[</PROPERTY></INSTANCE>]].."]]></p:Setting>" ..
      [[<p:When><cim:Interval xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">]] ..
      "P1DT2H3M4S</cim:Interval></p:When>")
    assert.are.equal(200, status)
    assert.are.equal("Change_OUTPUT", body.name)
    assert.are.equal("0", child(body, "ReturnValue").text)
    assert.are.equal("Change", provider.called.method)
    assert.are.same({ Name = "one" }, provider.called.keys)
    local target = { class = "Test_System", namespace = "root/test", keys = { Name = "two" } }
    assert.are.same({
      Text = "a <b>", Number = 7, Flag = true, List = { "x", "y" }, Target = target,
      Targets = { target, target }, When = "00000001020304.000000:000",
      Setting = { class = "C", properties = { N = 5, L = { "p" }, F = false } },
    }, provider.called.arguments)
  end)

  it("takes null parameters as absent", function()
    invoke('<p:Text xsi:nil="true"/><p:Targets xsi:nil="true"/><p:Number>1</p:Number>')
    assert.are.same({ Number = 1 }, provider.called.arguments)
  end)

  it("refuses what does not match the schema of the method", function()
    for _, parameters in ipairs({
      "<p:Unknown>1</p:Unknown>", "<p:Number>x</p:Number>", "<p:Number>70000</p:Number>",
      "<p:Flag>maybe</p:Flag>", "<p:Text>a</p:Text><p:Text>b</p:Text>", "<p:Text><p:X/></p:Text>",
      "<p:Target><a:EndpointReference>" .. EPR .. "</a:EndpointReference></p:Target>",
      "<p:Setting><q:C xmlns:q=\"x\"><q:N>5</q:N></q:C></p:Setting>", "<p:When>later</p:When>",
    }) do
      local body, status = invoke(parameters)
      assert.are.equal(2150858817, fault_code(body, status), parameters)
      assert.is_nil(provider.called)
    end
    local body, status = send(CHANGE, "", { selectors = { Name = "one" } })
    assert.are.equal(2150858817, fault_code(body, status))
  end)

  it("needs a selector for Invoke", function()
    local body, status = invoke("", { selectors = {} })
    assert.are.equal(0x8004102F, fault_code(body, status))
  end)

  it("writes outputs: references, lists, embedded objects and null", function()
    provider.outs = {
      { name = "Job", type = "reference", value = { class = "Msvm_ConcreteJob", keys = {
        InstanceID = "J1" } } },
      { name = "None", type = "reference" },
      { name = "Names", type = "string", array = true, value = { "a", "b" } },
      { name = "Info", type = "instance", array = true, value = {
        { class = "Test_Detail", values = { Label = "x" } } } },
      { name = "Errors", type = "embedded", array = true, value = {
        { class = "Test_Detail", values = { Label = "y" } } } },
      { name = "ReturnValue", type = "uint32", value = 4096 },
    }
    local body = invoke("")
    local selector = child(body, "Job", "ReferenceParameters", "SelectorSet", "Selector")
    assert.are.equal("InstanceID", selector.attributes.Name)
    assert.are.equal("J1", selector.text)
    assert.are.equal("true", child(body, "None").attributes["nil"])
    assert.are.equal("a", child(body, "Names").text)
    assert.are.equal("x", child(body, "Info", "Label").text)
    assert.matches('^<INSTANCE CLASSNAME="Test_Detail">', child(body, "Errors").text)
    assert.are.equal("4096", body[#body].text)
  end)

  ---- the rest -----------------------------------------------------------------------------------

  local IDENTIFY = [[<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/>
    <s:Body><i:Identify
    xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"/></s:Body>
    </s:Envelope>]]

  it("says who it is, less to those who have not said who they are", function()
    face = new_face({ user = "Administrator", password = "pä:ss" })
    local answer = post(IDENTIFY, { wsmanidentify = "unauthenticated" })
    assert.are.equal(200, answer.status)
    assert.matches("OS: 0.0.0 SP: 0.0 Stack: 3.0", answer.body)
    assert.are.equal(401, post(IDENTIFY).status)
    answer = post(IDENTIFY, { authorization = "Basic QWRtaW5pc3RyYXRvcjpww6Q6c3M=" })
    assert.matches("OS: 10%.", answer.body)
  end)

  it("asks for user and password", function()
    face = new_face({ user = "u", password = "p" })
    for _, value in ipairs({ "Basic dTp4", "Negotiate xyz", "" }) do
      local answer = post("", { authorization = value })
      assert.are.equal(401, answer.status)
      assert.are.equal('Basic realm="WSMAN"', answer.headers["WWW-Authenticate"])
    end
  end)

  it("tells the rules what it was asked for", function()
    invoke("")
    assert.are.equal("ms1", world.faults.target)
    assert.are.same({
      verb = "Invoke", method = "Change", class = "Test_System", namespace = "root/test",
      path = 'Test_System.Name="one"',
    }, world.faults.call)
    query("SELECT * FROM Test_Sub")
    assert.are.equal("Enumerate", world.faults.call.verb)
    assert.are.equal("Test_Sub", world.faults.call.class)
    assert.are.equal("SELECT * FROM Test_Sub", world.faults.call.query)
  end)

  it("carries out the faults that are ordered", function()
    rule = { effect = "drop" }
    assert.is_nil(invoke(""))
    assert.are.equal("closed", rule)
    assert.is_nil(provider.called)
    rule = { effect = "drop after" }
    assert.is_nil(invoke(""))
    assert.is_not_nil(provider.called)

    provider.called = nil
    rule = { effect = "error", hresult = 0x80041003, text = "no" }
    local body, status = invoke("")
    assert.are.equal(0x80041003, fault_code(body, status))
    assert.is_nil(provider.called)
    rule = { effect = "error after", code = 2150858793 }
    body, status = invoke("")
    assert.are.equal(2150858793, fault_code(body, status))
    assert.is_not_nil(provider.called)

    rule = { effect = "truncate" }
    local answer = post(IDENTIFY)
    assert.are.equal(#answer.body // 2, answer.truncate)
    rule = { effect = "html" }
    assert.matches("^<!DOCTYPE html>", post(IDENTIFY).body)
    rule = { effect = "huge", bytes = 5 }
    assert.are.equal(5, post(IDENTIFY).pad)
    rule = { effect = "error", http = 401 }
    assert.are.equal(401, post(IDENTIFY).status)
    rule = { effect = "delay", seconds = 0.02 }
    local began = scheduler.now()
    post(IDENTIFY)
    assert.is_true(scheduler.now() - began >= 0.02)
  end)

  it("does the work but says that the time is over when OperationTimeout has passed", function()
    rule = { effect = "delay", seconds = 0.03 }
    local body, status = invoke("", { timeout = "PT0.01S" })
    assert.are.equal(2150858793, fault_code(body, status))
    assert.is_not_nil(provider.called)
  end)
end)
