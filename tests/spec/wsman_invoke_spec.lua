-- The WS-Management face: Invoke, Identify, logins, and the faults that are ordered.
local scheduler = require("core.scheduler")
local support = require("support.wsman_face")

local BASE = support.BASE

describe("the WS-Management face", function()
  local f = support.new()
  local new_face, post, send, child = f.new_face, f.post, f.send, f.child
  local fault_code, query = f.fault_code, f.query

  before_each(f.reset)

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
      [[</VALUE></PROPERTY><PROPERTY NAME="__CLASS" TYPE="string"><VALUE>C</VALUE></PROPERTY>]] ..
      [[<PROPERTY NAME="Empty" PROPAGATED="true" TYPE="uint16"></PROPERTY>]] ..
      [[<PROPERTY.ARRAY NAME="L" TYPE="string"><VALUE.ARRAY><VALUE>p</VALUE>]] ..
      [[</VALUE.ARRAY></PROPERTY.ARRAY><PROPERTY NAME="F" TYPE="boolean"><VALUE>false</VALUE>]] ..
      [[</PROPERTY></INSTANCE>]].."]]></p:Setting>" ..
      [[<p:When><cim:Interval xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">]] ..
      "P1DT2H3M4S</cim:Interval></p:When>")
    assert.are.equal(200, status)
    assert.are.equal("Change_OUTPUT", body.name)
    assert.are.equal("0", child(body, "ReturnValue").text)
    assert.are.equal("Change", f.provider.called.method)
    assert.are.same({ Name = "one" }, f.provider.called.keys)
    local target = { class = "Test_System", namespace = "root/test", keys = { Name = "two" } }
    assert.are.same({
      Text = "a <b>", Number = 7, Flag = true, List = { "x", "y" }, Target = target,
      Targets = { target, target }, When = "00000001020304.000000:000",
      Setting = {
        class = "C", properties = { N = 5, L = { "p" }, F = false },
        types = { Empty = "uint16", N = "uint64", L = "string", F = "boolean" },
      },
    }, f.provider.called.arguments)
  end)

  it("takes null parameters as absent", function()
    invoke('<p:Text xsi:nil="true"/><p:Targets xsi:nil="true"/><p:Number>1</p:Number>')
    assert.are.same({ Number = 1 }, f.provider.called.arguments)
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
      assert.is_nil(f.provider.called)
    end
    local body, status = send(CHANGE, "", { selectors = { Name = "one" } })
    assert.are.equal(2150858817, fault_code(body, status))
  end)

  it("needs a selector for Invoke", function()
    local body, status = invoke("", { selectors = {} })
    assert.are.equal(0x8004102F, fault_code(body, status))
  end)

  it("writes outputs: references, lists, embedded objects and null", function()
    f.provider.outs = {
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
    f.face = new_face({ user = "Administrator", password = "pä:ss" })
    local answer = post(IDENTIFY, { wsmanidentify = "unauthenticated" })
    assert.are.equal(200, answer.status)
    assert.matches("OS: 0.0.0 SP: 0.0 Stack: 3.0", answer.body)
    assert.are.equal(401, post(IDENTIFY).status)
    answer = post(IDENTIFY, { authorization = "Basic QWRtaW5pc3RyYXRvcjpww6Q6c3M=" })
    assert.matches("OS: 10%.", answer.body)
  end)

  it("asks for user and password", function()
    f.face = new_face({ user = "u", password = "p" })
    for _, value in ipairs({ "Basic dTp4", "Negotiate xyz", "" }) do
      local answer = post("", { authorization = value })
      assert.are.equal(401, answer.status)
      assert.are.equal('Basic realm="WSMAN"', answer.headers["WWW-Authenticate"])
    end
  end)

  it("tells the rules what it was asked for", function()
    invoke("")
    assert.are.equal("ms1", f.world.faults.target)
    assert.are.same({
      verb = "Invoke", method = "Change", class = "Test_System", namespace = "root/test",
      path = 'Test_System.Name="one"',
    }, f.world.faults.call)
    query("SELECT * FROM Test_Sub")
    assert.are.equal("Enumerate", f.world.faults.call.verb)
    assert.are.equal("Test_Sub", f.world.faults.call.class)
    assert.are.equal("SELECT * FROM Test_Sub", f.world.faults.call.query)
  end)

  it("carries out the faults that are ordered", function()
    f.rule = { effect = "drop" }
    assert.is_nil(invoke(""))
    assert.are.equal("closed", f.rule)
    assert.is_nil(f.provider.called)
    f.rule = { effect = "drop after" }
    assert.is_nil(invoke(""))
    assert.is_not_nil(f.provider.called)

    f.provider.called = nil
    f.rule = { effect = "error", hresult = 0x80041003, text = "no" }
    local body, status = invoke("")
    assert.are.equal(0x80041003, fault_code(body, status))
    assert.is_nil(f.provider.called)
    f.rule = { effect = "error after", code = 2150858793 }
    body, status = invoke("")
    assert.are.equal(2150858793, fault_code(body, status))
    assert.is_not_nil(f.provider.called)

    f.rule = { effect = "truncate" }
    local answer = post(IDENTIFY)
    assert.are.equal(#answer.body // 2, answer.truncate)
    f.rule = { effect = "html" }
    assert.matches("^<!DOCTYPE html>", post(IDENTIFY).body)
    f.rule = { effect = "huge", bytes = 5 }
    assert.are.equal(5, post(IDENTIFY).pad)
    f.rule = { effect = "error", http = 401 }
    assert.are.equal(401, post(IDENTIFY).status)
    f.rule = { effect = "delay", seconds = 0.02 }
    local began = scheduler.now()
    post(IDENTIFY)
    assert.is_true(scheduler.now() - began >= 0.02)
  end)

  it("does the work but says that the time is over when OperationTimeout has passed", function()
    f.rule = { effect = "delay", seconds = 0.03 }
    local body, status = invoke("", { timeout = "PT0.01S" })
    assert.are.equal(2150858793, fault_code(body, status))
    assert.is_not_nil(f.provider.called)
  end)
end)
