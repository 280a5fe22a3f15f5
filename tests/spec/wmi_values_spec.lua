local peer_module = require("wsman_peer")
local wmi = require("wmi")
local xml = require("xml")

local child, children = peer_module.child, peer_module.children
local envelope, instance, output, failure_of = peer_module.envelope, peer_module.instance,
  peer_module.output, peer_module.failure_of

local V2 = peer_module.V2
local ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
local SERVICE = 'Msvm_VirtualSystemManagementService.CreationClassName="X"'

local function reference(class, selectors, uri)
  local set = {}
  for name, value in pairs(selectors) do
    set[#set + 1] = ('<w:Selector Name="%s">%s</w:Selector>'):format(name, value)
  end
  return ("<a:Address>%s</a:Address><a:ReferenceParameters><w:ResourceURI>%s</w:ResourceURI>"
    .. "<w:SelectorSet>%s</w:SelectorSet></a:ReferenceParameters>"):format(ANONYMOUS,
    uri or V2 .. class, table.concat(set))
end

describe("values from WMI", function()
  local peer

  after_each(function()
    if peer then
      peer:close()
      peer = nil
    end
  end)

  -- What `properties` of an instance of `class` become.
  local function decoded(class, properties)
    peer = peer_module.start(function()
      return envelope(instance(class, properties))
    end)
    local object = peer:connect():get(class .. '.Name="x"')
    peer:close()
    peer = nil
    return object
  end

  it("are integers and booleans where the property is known to be one, else text", function()
    local vm = decoded("Msvm_ComputerSystem", [[<p:EnabledState> 2 </p:EnabledState>
      <p:OnTimeInMilliseconds>9223372036854775807</p:OnTimeInMilliseconds>
      <p:Name>007</p:Name><p:Unheard>12</p:Unheard>]])
    assert.are.equal(2, vm.EnabledState)
    assert.are.equal("integer", math.type(vm.EnabledState))
    assert.are.equal(math.maxinteger, vm.OnTimeInMilliseconds)
    assert.are.equal("007", vm.Name)
    assert.are.equal("12", vm.Unheard)
  end)

  it("are booleans in any case", function()
    local s = decoded("Msvm_VirtualSystemSettingData",
      "<p:IsSaved>TRUE</p:IsSaved><p:GuestControlledCacheTypes>False</p:GuestControlledCacheTypes>")
    assert.is_true(s.IsSaved)
    assert.is_false(s.GuestControlledCacheTypes)
  end)

  it("are text past 2^63-1, and where a number is none", function()
    local vm = decoded("Msvm_ComputerSystem", [[<p:EnabledState>running</p:EnabledState>
      <p:OnTimeInMilliseconds>18446744073709551615</p:OnTimeInMilliseconds>]])
    assert.are.equal("18446744073709551615", vm.OnTimeInMilliseconds)
    assert.are.equal("running", vm.EnabledState)
  end)

  it("are typed by xsi:type where it is there", function()
    local object = decoded("Msvm_ComputerSystem", [[
      <p:Unheard xsi:type="xsd:unsignedInt">12</p:Unheard>
      <p:Other xsi:type="cim:cimBoolean">true</p:Other>
      <p:Real xsi:type="xsd:double">1.5</p:Real>
      <p:EnabledState xsi:type="cim:cimString">2</p:EnabledState>]])
    assert.are.equal(12, object.Unheard)
    assert.is_true(object.Other)
    assert.are.equal(1.5, object.Real)
    assert.are.equal("2", object.EnabledState)
  end)

  it("are absent when nil, and empty when empty", function()
    local vm = decoded("Msvm_ComputerSystem",
      '<p:ElementName xsi:nil="true"/><p:Description/><p:Caption xsi:nil="1"></p:Caption>')
    assert.is_nil(vm.ElementName)
    assert.is_nil(vm.Caption)
    assert.are.equal("", vm.Description)
  end)

  it("are lists where the property is known to be one or occurs again", function()
    local vm = decoded("Msvm_ComputerSystem", [[<p:OperationalStatus>2</p:OperationalStatus>
      <p:StatusDescriptions/><p:Unheard>a</p:Unheard><p:Unheard>b</p:Unheard>
      <p:Dedicated xsi:nil="true"/><p:Single>c</p:Single>]])
    assert.are.same({ 2 }, vm.OperationalStatus)
    assert.are.same({ "" }, vm.StatusDescriptions)
    assert.are.same({ "a", "b" }, vm.Unheard)
    assert.is_nil(vm.Dedicated)
    assert.are.equal("c", vm.Single)
  end)

  it("differ by class where the same name means something else", function()
    assert.are.same({ "n" }, decoded("Msvm_VirtualSystemSettingData", "<p:Notes>n</p:Notes>").Notes)
    assert.are.equal("n", decoded("Msvm_SummaryInformation", "<p:Notes>n</p:Notes>").Notes)
    assert.are.same({ "d" },
      decoded("Win32_PnPDevicePropertyStringArray", "<p:Data>d</p:Data>").Data)
    assert.are.equal(3, decoded("Win32_PnPDevicePropertyUint32", "<p:Data>3</p:Data>").Data)
    assert.are.equal(18, decoded("Win32_PnPDevicePropertyUint32", "<p:Type>18</p:Type>").Type)
  end)

  it("have datetimes in DMTF form", function()
    local function time(inside)
      return decoded("Msvm_ComputerSystem", "<p:TimeOfLastStateChange>" .. inside
        .. "</p:TimeOfLastStateChange>").TimeOfLastStateChange
    end
    for iso, dmtf in pairs({
      ["2024-05-01T12:34:56Z"] = "20240501123456.000000+000",
      ["2024-05-01T12:34:56.7891234Z"] = "20240501123456.789123+000",
      ["2024-05-01T12:34:56+09:00"] = "20240501123456.000000+540",
      ["2024-05-01T12:34:56.5-03:30"] = "20240501123456.500000-210",
    }) do
      assert.are.equal(dmtf, time("<cim:Datetime>" .. iso .. "</cim:Datetime>"))
      assert.are.equal(dmtf, time(iso))
    end
    for iso, dmtf in pairs({
      ["P0DT0H45M0S"] = "00000000004500.000000:000",
      ["PT1.5S"] = "00000000000001.500000:000",
      ["P12DT25H"] = "00000013010000.000000:000",
      ["P0Y0M1D"] = "00000001000000.000000:000",
    }) do
      assert.are.equal(dmtf, time("<cim:Interval>" .. iso .. "</cim:Interval>"))
    end
    assert.are.equal("20240501123456.000000+000", time("20240501123456.000000+000"))
    assert.is_nil(time('<cim:Datetime xsi:nil="true"/>'))
    for _, odd in ipairs({ "P1Y", "P", "PT", "yesterday", "2024-05-01", "PT1X", "P1.5D" }) do
      assert.are.equal(odd, time("<cim:Interval>" .. odd .. "</cim:Interval>"))
    end
  end)

  it("have references as object paths, wrapped or not", function()
    local keys = { CreationClassName = "Msvm_ComputerSystem", Name = 'A"\\b' }
    for _, form in ipairs({ "%s", "<a:EndpointReference>%s</a:EndpointReference>" }) do
      local object = decoded("Msvm_SettingsDefineState", ("<p:ManagedElement>%s</p:ManagedElement>")
        :format(form:gsub("%%s", function()
          return reference("Msvm_ComputerSystem", keys)
        end)))
      assert.are.equal(
        [[Msvm_ComputerSystem.CreationClassName="Msvm_ComputerSystem",Name="A\"\\b"]],
        object.ManagedElement)
    end
  end)

  it("have references into other namespaces as whole paths", function()
    local object = decoded("Msvm_SettingsDefineState", "<p:ManagedElement>"
      .. reference("", { DeviceID = "x" },
        "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_PnPEntity")
      .. "</p:ManagedElement>")
    assert.are.equal([[\\.\root\cimv2:Win32_PnPEntity.DeviceID="x"]], object.ManagedElement)
  end)

  it("are null where a reference names nothing", function()
    local object = decoded("Msvm_SettingsDefineState", [[<p:ManagedElement><a:Address>x</a:Address>
      <a:ReferenceParameters/></p:ManagedElement><p:SettingData xsi:nil="true"/>]])
    assert.is_nil(object.ManagedElement)
    assert.is_nil(object.SettingData)
  end)

  it("have embedded objects as objects of their own class", function()
    peer = peer_module.start(function()
      return output("GetSummaryInformation", "Msvm_VirtualSystemManagementService", [[
        <p:SummaryInformation xmlns:q="urn:q" xsi:type="q:Msvm_SummaryInformation_Type">
          <q:Name>A</q:Name><q:EnabledState>2</q:EnabledState>
          <q:UpTime>5</q:UpTime><q:CreationTime><cim:Datetime>2024-05-01T00:00:00Z</cim:Datetime>
          </q:CreationTime></p:SummaryInformation><p:ReturnValue>0</p:ReturnValue>]])
    end)
    local out = peer:connect():call(SERVICE, "GetSummaryInformation")
    assert.are.same({ { __class = "Msvm_SummaryInformation", Name = "A", EnabledState = 2,
      UpTime = 5, CreationTime = "20240501000000.000000+000" } }, out.SummaryInformation)
  end)

  it("take the class from xsi:type, else from the element", function()
    peer = peer_module.start(function()
      return peer_module.items(
        '<p:CIM_ConcreteJob xmlns:p="urn:p" xsi:type="p:Msvm_StorageJob_Type"/>',
        '<p:Msvm_Other xmlns:p="urn:p"/>',
        '<w:XmlFragment><p:Name xmlns:p="urn:p">n</p:Name></w:XmlFragment>')
    end)
    local found = peer:connect():query("SELECT * FROM CIM_ConcreteJob")
    assert.are.equal("Msvm_StorageJob", found[1].__class)
    assert.are.equal("Msvm_Other", found[2].__class)
    assert.are.same({ __class = "", Name = "n" }, found[3])
  end)

  it("have a path where all keys are there, also for Hyper-V's lesser known classes", function()
    assert.are.equal('Msvm_ConcreteJob.InstanceID="J"',
      decoded("Msvm_ConcreteJob", "<p:InstanceID>J</p:InstanceID>").__path)
    assert.are.equal('Msvm_NewThing.InstanceID="J"',
      decoded("Msvm_NewThing", "<p:InstanceID>J</p:InstanceID>").__path)
    assert.is_nil(decoded("Msvm_ComputerSystem", "<p:Name>A</p:Name>").__path)
    assert.is_nil(decoded("Vendor_Thing", "<p:InstanceID>A</p:InstanceID>").__path)
  end)
end)

describe("values to WMI", function()
  local peer

  after_each(function()
    if peer then
      peer:close()
      peer = nil
    end
  end)

  -- The element <Method_INPUT> that these arguments become.
  local function sent(arguments)
    peer = peer_module.start(function()
      return output("M", "X", "<p:ReturnValue>0</p:ReturnValue>")
    end)
    peer:connect():call(SERVICE, "M", arguments)
    local input = peer.requests[1].body[1]
    peer:close()
    peer = nil
    return input
  end

  local function embedded(class, properties)
    return xml.parse(child(sent({ P = wmi.instance(class, properties) }), "P").text)
  end

  it("are sent as what they are in Lua, in the order of their names", function()
    local input = sent({ Text = "a<b>&\"'é", Number = -5, Yes = true, No = false,
      Big = 1 << 40, Real = 0.5 })
    local got = {}
    for i, e in ipairs(input) do
      got[i] = e.name .. "=" .. e.text
    end
    assert.are.same({ "Big=1099511627776", "No=false", "Number=-5", "Real=0.5", "Text=a<b>&\"'é",
      "Yes=true" }, got)
  end)

  it("are repeated for lists, marked for null, and left out for empty lists", function()
    local input = sent({ L = { 1, 2 }, N = wmi.null, E = {}, S = { "one" } })
    local list = children(input, "L")
    assert.are.same({ "1", "2" }, { list[1].text, list[2].text })
    assert.are.equal("true", child(input, "N").attributes["nil"])
    assert.is_nil(child(input, "E"))
    assert.are.equal("one", child(input, "S").text)
  end)

  it("have references directly inside the parameter", function()
    local input = sent({ R = wmi.ref([[\\HOST\root\virtualization\v2:A.Name="x\"\\",N=3]]),
      L = { wmi.ref('B.Name="1"'), wmi.ref('B.Name="2"') } })
    local r = child(input, "R")
    assert.are.equal("Address", r[1].name)
    assert.are.equal(ANONYMOUS, r[1].text)
    local parameters = child(r, "ReferenceParameters")
    assert.are.equal(V2 .. "A", child(parameters, "ResourceURI").text)
    local selectors = child(parameters, "SelectorSet")
    assert.are.same({ "N", "3" }, { selectors[2].attributes.Name, selectors[2].text })
    assert.are.same({ "Name", 'x"\\' }, { selectors[1].attributes.Name, selectors[1].text })
    assert.are.equal(2, #children(input, "L"))
    assert.is_nil(child(r, "EndpointReference"))
  end)

  it("have references into the namespace that they name", function()
    local input = sent({ R = wmi.ref([[\\.\root\cimv2:Win32_PnPEntity="x"]]) })
    local parameters = child(child(input, "R"), "ReferenceParameters")
    assert.are.equal("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_PnPEntity",
      child(parameters, "ResourceURI").text)
    assert.are.equal("DeviceID", child(parameters, "SelectorSet")[1].attributes.Name)
  end)

  it("have datetimes in ISO form as parameters, in DMTF form inside instances", function()
    local input = sent({
      T = wmi.value("datetime", "20240501123456.500000+540"),
      I = wmi.value("datetime", "PT45M"),
    })
    assert.are.equal("2024-05-01T12:34:56.500000+09:00", child(child(input, "T"), "Datetime").text)
    assert.are.equal("P0DT0H45M0.000000S", child(child(input, "I"), "Interval").text)
    assert.are.equal("http://schemas.dmtf.org/wbem/wscim/1/common", child(input, "I")[1].ns)
    local property = embedded("Msvm_VirtualSystemSettingData",
      { AutomaticCriticalErrorActionTimeout = "PT45M" })[1]
    assert.are.equal("datetime", property.attributes.TYPE)
    assert.are.equal("00000000004500.000000:000", property[1].text)
  end)

  it("have embedded instances as CIM-XML text with the types of known properties", function()
    local root = embedded("Msvm_VirtualSystemSettingData", {
      InstanceID = "Microsoft:<A>&", HighMmioGapSize = 33280, GuestControlledCacheTypes = true,
      AutomaticShutdownAction = 2, Notes = "one", BootOrder = { 1, 2 }, LogDataRoot = wmi.null,
    })
    assert.are.equal("INSTANCE", root.name)
    assert.are.equal("Msvm_VirtualSystemSettingData", root.attributes.CLASSNAME)
    local got = {}
    for _, p in ipairs(root) do
      local values = {}
      for _, v in ipairs(p.name == "PROPERTY.ARRAY" and p[1] or p) do
        values[#values + 1] = v.text
      end
      got[p.attributes.NAME] = table.concat({ p.name, p.attributes.TYPE,
        table.concat(values, ",") }, " ")
    end
    assert.are.same({
      InstanceID = "PROPERTY string Microsoft:<A>&",
      HighMmioGapSize = "PROPERTY uint64 33280",
      GuestControlledCacheTypes = "PROPERTY boolean true",
      AutomaticShutdownAction = "PROPERTY uint16 2",
      Notes = "PROPERTY.ARRAY string one",
      BootOrder = "PROPERTY.ARRAY uint16 1,2",
      LogDataRoot = "PROPERTY string ",
    }, got)
  end)

  it("take an object that a query gave as an embedded instance", function()
    local object = { __class = "Msvm_PciExpressSettingData", __path = "x", HostResource = { "r" },
      Weight = 1 }
    local root = embedded(object.__class, object)
    assert.are.same({ "HostResource", "Weight" },
      { root[1].attributes.NAME, root[2].attributes.NAME })
    assert.are.equal("uint32", root[2].attributes.TYPE)
    assert.are.equal(2, #root)
  end)

  it("have the type that wmi.value says", function()
    local root = embedded("Vendor_Thing", { A = wmi.value("uint8", 255), B = "text", C = true,
      D = wmi.value("uint64", "18446744073709551615"), E = wmi.value("sint32", { -1, 1 }),
      F = wmi.value("uint16", wmi.null), G = wmi.value("real64", 0.5) })
    local types = {}
    for i, p in ipairs(root) do
      types[i] = p.attributes.TYPE
    end
    assert.are.same({ "uint8", "string", "boolean", "uint64", "sint32", "uint16", "real64" }, types)
    assert.are.equal("18446744073709551615", root[4][1].text)
    assert.are.same({ "-1", "1" }, { root[5][1][1].text, root[5][1][2].text })
    assert.are.equal(0, #root[6])
  end)

  it("are refused where they do not fit, with the script's line", function()
    local cases = {
      ["not known; say it"] = function() local _ = wmi.instance("Vendor_Thing", { N = 1 }) end,
      ["fits uint8"] = function() local _ = wmi.value("uint8", 256) end,
      ["fits uint16"] = function() local _ = wmi.value("uint16", -1) end,
      ["fits sint8"] = function() local _ = wmi.value("sint8", -129) end,
      ["fits uint64"] = function() local _ = wmi.value("uint64", "18446744073709551616") end,
      ["fits uint32"] = function() local _ = wmi.value("uint32", 1.5) end,
      ["must be true or false"] = function() local _ = wmi.value("boolean", 1) end,
      ["must be a datetime"] = function() local _ = wmi.value("datetime", "tomorrow") end,
      ["no CIM type"] = function() local _ = wmi.value("uint17", 1) end,
      ["wmi.null sends null"] = function() local _ = wmi.value("uint16", nil) end,
      ["is not an object path"] = function() local _ = wmi.ref("A.=1") end,
      ["null inside a list"] = function() local _ = wmi.value("uint16", { 1, wmi.null }) end,
      ["zero byte"] = function() local _ = wmi.value("string", "a\0b") end,
      ["IsSaved must be true or false"] = function()
        local _ = wmi.instance("Msvm_VirtualSystemSettingData", { IsSaved = "yes" })
      end,
    }
    for words, misuse in pairs(cases) do
      local message = tostring(failure_of(misuse))
      assert.matches(words, message, 1, true)
      assert.matches("wmi_values_spec.lua:%d+: ", message)
    end
  end)

  it("are refused before anything is sent", function()
    peer = peer_module.start(function()
      return output("M", "X", "<p:ReturnValue>0</p:ReturnValue>")
    end)
    local c = peer:connect()
    assert.has_error(function() c:call(SERVICE, "M", { A = { b = 1 } }) end)
    assert.has_error(function() c:call(SERVICE, "M", { A = print }) end)
    assert.has_error(function() c:call(SERVICE, "M", { "a" }) end)
    assert.has_error(function() c:call(SERVICE, "M", {}, { timout = 1 }) end)
    for _, call in ipairs({
      function() c:call("not a path", "M") end,
      function() c:call(SERVICE, "M/../N") end,
      function() c:call(SERVICE, "M", { ["a b"] = 1 }) end,
      function() c:get('A.Name="x') end,
    }) do
      assert.are.equal("WMI_BAD_PARAMETER", failure_of(call).code)
    end
    assert.are.equal(0, #peer.requests)
  end)

  it("are quoted for WQL and written into paths", function()
    assert.are.equal([[it\'s C:\\x]], wmi.quote([[it's C:\x]]))
    assert.are.equal([[A.B="x\\\"",C=5,D=TRUE]], wmi.path("A", { C = 5, B = [[x\"]], D = true }))
    assert.are.equal('Msvm_ComputerSystem.CreationClassName="c",Name="n"',
      wmi.path("Msvm_ComputerSystem", { Name = "n", CreationClassName = "c" }))
    assert.are.equal("A=@", wmi.path("A", {}))
  end)
end)
