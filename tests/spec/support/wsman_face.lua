-- For the specs of the WS-Management face: a provider made for them, and the messages that a client
-- would send, without sockets. Shapes of messages: docs/facts/hyperv-wmi.md#4.
--
--   local f = require("support.wsman_face").new()
--   before_each(f.reset)                      -- then f.provider, f.face, f.world, f.rule
local paths = require("lab.cim.paths")
local world_errors = require("lab.world.errors")
local wsman = require("lab.wsman")
local xml = require("xml")

local M = {}

M.BASE = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/"
M.GET = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"
M.ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/"
M.WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"

local BASE, ENUMERATION, WQL = M.BASE, M.ENUMERATION, M.WQL

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

function M.system(class, name, values)
  values.CreationClassName, values.Name = class, name
  return { class = class, values = values }
end

local function fake_provider()
  local provider = {
    list = {
      M.system("Test_System", "one", {
        Caption = "First <&> 計算", State = 2, Codes = { 2, 32768 }, Big = "18446744073709551615",
        Enabled = true, Changed = "20240102030405.000000+540", UpTime = "00000000004500.000000:000",
        Owner = { class = "Test_System", keys = {
          CreationClassName = "Test_System", Name = "two" } },
        Detail = { class = "Test_Detail", values = { Label = "inner", Count = 3 } },
        Items = { { class = "Test_Detail", values = { Label = "a<b" } } },
      }),
      M.system("Test_System", "two", { State = 3, Enabled = false }),
      M.system("Test_Sub", "three", { State = 2 }),
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

function M.new()
  local f = {}

  function f.new_face(options)
    options = options or {}
    options.world = function()
      return f.world
    end
    options.node = "ms1"
    options.provider = {
      new = function(_, node, namespace)
        return node == "ms1" and namespace:lower() == "root/test" and f.provider or nil
      end,
      path = paths.format, parse_path = paths.parse,
    }
    return wsman.new(options)
  end

  function f.reset()
    f.provider = fake_provider()
    f.rule = nil
    f.world = {
      latency = { answer = 0 },
      faults = {
        take = function(self, target, call)
          self.target, self.call = target, call
          return f.rule
        end,
      },
      advance = function() end,
    }
    f.face = f.new_face()
  end

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

  function f.post(body, headers)
    return f.face:handle({ method = "POST", path = "/wsman", headers = headers or {}, body = body,
      query = {}, close = function()
        f.rule = "closed"
      end })
  end

  -- Sends; gives the answer's body element, the HTTP status and the whole text.
  function f.send(action, body, options)
    local answer = f.post(([[<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
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

  function f.child(element, ...)
    for _, name in ipairs({ ... }) do
      local found
      for _, inner in ipairs(element) do
        found = found or inner.name == name and inner
      end
      element = assert(found, "there is no " .. name)
    end
    return element
  end

  function f.fault_code(body, status)
    assert(body.name == "Fault", "not a fault: " .. body.name)
    assert(status == 500, "status " .. tostring(status))
    local detail = f.child(body, "Detail")
    for _, inner in ipairs(detail) do
      if inner.name == "WSManFault" then
        return tonumber(inner.attributes.Code)
      elseif inner.name == "MSFT_WmiError" then
        return tonumber(f.child(inner, "error_Code").text)
      end
    end
  end

  function f.names(items)
    local list = {}
    for _, item in ipairs(items) do
      list[#list + 1] = f.child(item, "Name").text
    end
    return list
  end

  function f.wql(text, more)
    return ('<n:Enumerate>%s<w:Filter Dialect="%s">%s</w:Filter></n:Enumerate>'):format(
      more or "<w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements>", WQL, xml.escape(text))
  end

  function f.query(text, options)
    options = options or {}
    options.uri = BASE .. "*"
    return f.send(ENUMERATION .. "Enumerate", f.wql(text, options.more), options)
  end

  return f
end

return M
