-- The WS-Management face on a provider made for this spec: Get, Enumerate and Pull.
local support = require("support.wsman_face")

local BASE, GET, ENUMERATION = support.BASE, support.GET, support.ENUMERATION

describe("the WS-Management face", function()
  local f = support.new()
  local new_face, post, send, child = f.new_face, f.post, f.send, f.child
  local fault_code, names, wql, query = f.fault_code, f.names, f.wql, f.query

  before_each(f.reset)

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
    f.face = new_face({ fault_form = "wsman" })
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
    f.provider.list = {}
    for i = 1, 8 do
      f.provider.list[i] = support.system("Test_System", "n" .. i, { Caption = ("x"):rep(2000) })
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

    f.provider.list[1].values.Caption = ("x"):rep(9000)
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
    f.face = new_face({ fragments = false })
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
    }, f.provider.asked)
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
end)
