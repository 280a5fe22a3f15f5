-- CIM values as WS-Management writes and reads them (MS-WSMV; docs/facts/hyperv-wmi.md#4.3):
-- instances, references, datetimes and the parameters of methods.
local cimxml = require("lab.cimxml")
local fault = require("lab.wsman.fault")
local xml = require("xml")

local M = {}

local escape = xml.escape

M.WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
M.ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"

---@param namespace string "root/virtualization/v2"
function M.class_uri(namespace, class)
  return M.WMI .. namespace .. "/" .. class
end

-- First child of that local name.
function M.child(element, name)
  for _, inner in ipairs(element or {}) do
    if inner.name == name then
      return inner
    end
  end
  return nil
end

---- datetimes -------------------------------------------------------------------------------------

local function zone(minutes)
  if minutes == 0 then
    return "Z"
  end
  return ("%s%02d:%02d"):format(minutes < 0 and "-" or "+", math.abs(minutes) // 60,
    math.abs(minutes) % 60)
end

-- "20240102030405.000000+540" or "00000000004500.000000:000" as the elements of the CIM schema.
function M.datetime_element(text)
  local days, h, m, s = text:match("^(%d%d%d%d%d%d%d%d)(%d%d)(%d%d)(%d%d)%.[%d*]+:000$")
  if days then
    return ("<cim:Interval>P%dDT%dH%dM%dS</cim:Interval>"):format(days, h, m, s)
  end
  local year, month, day, hour, minute, second, fraction, sign, offset = text:match(
    "^(%d%d%d%d)(%d%d)(%d%d)(%d%d)(%d%d)(%d%d)%.(%d%d%d%d%d%d)([+-])(%d%d%d)$")
  if not year then
    return escape(text)
  end
  local part = fraction ~= "000000" and "." .. fraction or ""
  return ("<cim:Datetime>%s-%s-%sT%s:%s:%s%s%s</cim:Datetime>"):format(
    year, month, day, hour, minute, second, part, zone(tonumber(sign .. offset)))
end

local function read_interval(text)
  local days, rest = text:match("^P(%d*)D?T?(.*)$")
  if not days then
    return nil
  end
  local function unit(letter)
    return tonumber(rest:match("([%d]+)" .. letter) or rest:match("([%d]+)%.%d+" .. letter)) or 0
  end
  return ("%08d%02d%02d%02d.000000:000"):format(
    tonumber(days) or 0, unit("H"), unit("M"), unit("S"))
end

-- DMTF form of a datetime parameter; nil when it is none.
local function read_datetime(element)
  local interval = M.child(element, "Interval")
  local value = M.child(element, "Datetime")
  local text = (interval or value or element).text:match("^%s*(.-)%s*$")
  if interval then
    return read_interval(text)
  elseif text:find("^%d+%.%d+[+:-]%d%d%d$") then
    return text
  end
  local year, month, day, hour, minute, second, rest = text:match(
    "^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d)(.*)$")
  if not year then
    return nil
  end
  local fraction = ((rest:match("^%.(%d+)") or "") .. "000000"):sub(1, 6)
  local sign, hours, minutes = rest:match("([+-])(%d%d):(%d%d)$")
  local offset = sign and hours * 60 + minutes or 0
  return ("%s%s%s%s%s%s.%s%s%03d"):format(year, month, day, hour, minute, second, fraction,
    sign or "+", offset)
end

---- writing ---------------------------------------------------------------------------------------

-- The inside of a reference: what an EndpointReference holds, without that element (4.3).
---@param ref { class: string, keys: table }
function M.reference(ref, namespace)
  local out = {
    "<a:Address>", M.ANONYMOUS, "</a:Address><a:ReferenceParameters><w:ResourceURI>",
    escape(M.class_uri(ref.namespace or namespace, ref.class)), "</w:ResourceURI><w:SelectorSet>",
  }
  local names = {}
  for name in pairs(ref.keys) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = ref.keys[name]
    out[#out + 1] = ('<w:Selector Name="%s">'):format(escape(name))
    if type(value) == "table" then
      out[#out + 1] = "<a:EndpointReference>" .. M.reference(value, namespace) ..
        "</a:EndpointReference>"
    else
      out[#out + 1] = escape(tostring(value))
    end
    out[#out + 1] = "</w:Selector>"
  end
  out[#out + 1] = "</w:SelectorSet></a:ReferenceParameters>"
  return table.concat(out)
end

local write_properties

-- The attributes and the inside of one element that holds `value`.
local function element_parts(property, value, context)
  local type = property.type
  if type == "reference" then
    return "", M.reference(value, context.namespace)
  elseif type == "instance" then
    local uri = escape(M.class_uri(context.namespace, value.class))
    return (' xmlns:q="%s" xsi:type="q:%s_Type"'):format(uri, value.class),
      write_properties(value, "q:", context)
  elseif type == "embedded" then
    return "", escape(cimxml.encode(value, context.find_class))
  elseif type == "datetime" then
    return "", M.datetime_element(value)
  elseif math.type(value) == "float" then
    return "", ("%.17g"):format(value)
  end
  return "", escape(tostring(value))
end

-- One property or parameter; an array is the element repeated.
function M.write(property, value, prefix, context)
  local name = prefix .. property.name
  if value == nil then
    return ('<%s xsi:nil="true"/>'):format(name)
  end
  local out = {}
  for _, item in ipairs(property.array and value or { value }) do
    local attributes, inside = element_parts(property, item, context)
    if inside == "" then
      out[#out + 1] = ("<%s%s/>"):format(name, attributes)
    else
      out[#out + 1] = ("<%s%s>%s</%s>"):format(name, attributes, inside, name)
    end
  end
  return table.concat(out)
end

write_properties = function(instance, prefix, context)
  local schema = context.find_class(instance.class)
  local out = {}
  for _, property in ipairs(schema.properties) do
    if not context.wanted or context.wanted[property.name:lower()] then
      out[#out + 1] = M.write(property, instance.values[property.name], prefix, context)
    end
  end
  return table.concat(out)
end

-- An instance as the body of Get or an item of an enumeration. `as`: the class to show it as.
---@param context { namespace: string, find_class: fun(name: string): table?, wanted: table? }
function M.instance(instance, context, as)
  local class = as or instance.class
  local shown = instance
  if as then
    shown = { class = as, values = instance.values }
  end
  return ([[<p:%s xmlns:p="%s" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" ]] ..
    [[xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ]] ..
    [[xsi:type="p:%s_Type">%s</p:%s>]]):format(
    class, escape(M.class_uri(context.namespace, class)), class,
    write_properties(shown, "p:", context), class)
end

-- What a query that names its columns gives: no class, and names without a namespace (as real hosts
-- answer, seen in the decoders of published clients).
function M.fragment(instance, context)
  local text = write_properties(instance, "", context)
  text = text:gsub("<(/?)cim:", "<%1")
  return '<w:XmlFragment xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' .. text ..
    "</w:XmlFragment>"
end

-- Reference to an instance, by its class's keys.
function M.reference_of(instance, context)
  local schema = context.find_class(instance.class)
  local keys = {}
  for _, name in ipairs(schema.keys) do
    keys[name] = instance.values[name]
  end
  return { class = instance.class, keys = keys }
end

---- reading ---------------------------------------------------------------------------------------

-- { namespace, class } of a resource URI; nil when it is not WMI's.
function M.parse_uri(uri)
  local namespace, class = uri:match("^(.+)/([%w_*]+)$")
  if not namespace or namespace:sub(1, #M.WMI):lower() ~= M.WMI then
    return nil
  end
  return namespace:sub(#M.WMI + 1), class
end

-- Keys by name from a SelectorSet element.
function M.read_selectors(set)
  local keys = {}
  for _, selector in ipairs(set or {}) do
    local name = selector.attributes.Name
    if selector.name ~= "Selector" or not name then
      fault.raise("bad_selectors", "A selector has no Name.")
    end
    local inner = M.child(selector, "EndpointReference")
    keys[name] = inner and M.read_reference(inner) or selector.text
  end
  return keys
end

-- { class, keys, namespace } from what an EndpointReference holds.
function M.read_reference(element)
  local parameters = M.child(element, "ReferenceParameters")
  local uri = M.child(parameters, "ResourceURI")
  if not M.child(element, "Address") or not uri then
    fault.raise("bad_schema", "%s is not an endpoint reference.", element.name)
  end
  local namespace, class = M.parse_uri(uri.text)
  if not namespace then
    fault.raise("bad_schema", "%s refers to an unknown resource.", element.name)
  end
  return {
    class = class, namespace = namespace,
    keys = M.read_selectors(M.child(parameters, "SelectorSet")),
  }
end

local RANGES = {
  uint8 = { 0, 255 }, uint16 = { 0, 65535 }, uint32 = { 0, 4294967295 },
  uint64 = { math.mininteger, math.maxinteger },
  sint8 = { -128, 127 }, sint16 = { -32768, 32767 }, sint32 = { -2147483648, 2147483647 },
  sint64 = { math.mininteger, math.maxinteger },
}

local function read_integer(parameter, text)
  local number = text:find("^%s*[+-]?%d+%s*$") and math.tointeger(tonumber(text))
  if not number and parameter.type == "uint64" and text:find("^%d+$") then
    return text
  end
  local range = RANGES[parameter.type]
  if not number or number < range[1] or number > range[2] then
    fault.raise("bad_schema", "%s: '%s' is not a %s.", parameter.name, text, parameter.type)
  end
  return number
end

local function read_scalar(parameter, element)
  local type, text = parameter.type, element.text
  if type == "reference" then
    if M.child(element, "EndpointReference") then
      fault.raise("bad_schema", "%s must hold Address and ReferenceParameters.", parameter.name)
    end
    return M.read_reference(element)
  elseif type == "datetime" then
    return read_datetime(element) or
      fault.raise("bad_schema", "%s is not a datetime.", parameter.name)
  elseif #element > 0 then
    fault.raise("bad_schema", "%s must be text.", parameter.name)
  elseif type == "instance" or type == "embedded" then
    local instance, why = cimxml.decode(text)
    if not instance then
      fault.raise_hresult(0x80041008, ("%s: %s"):format(parameter.name, why))
    end
    return instance
  elseif type == "boolean" then
    local lower = text:lower():match("^%s*(.-)%s*$")
    if lower ~= "true" and lower ~= "false" then
      fault.raise("bad_schema", "%s: '%s' is not a boolean.", parameter.name, text)
    end
    return lower == "true"
  elseif RANGES[type] then
    return read_integer(parameter, text)
  end
  return text
end

local function is_nil(element)
  return element.attributes["nil"] == "true" or element.attributes["nil"] == "1"
end

-- Arguments by name from the _INPUT element of an Invoke.
---@param ins table[] parameters of the method's schema
function M.read_arguments(ins, input)
  local arguments, known = {}, {}
  for _, parameter in ipairs(ins) do
    known[parameter.name] = parameter
  end
  for _, element in ipairs(input) do
    local parameter = known[element.name]
    if not parameter then
      fault.raise("bad_schema", "There is no parameter %s.", element.name)
    end
    local list = arguments[parameter.name]
    if list ~= nil and not parameter.array then
      fault.raise("bad_schema", "%s is given twice.", element.name)
    elseif is_nil(element) then
      if list ~= nil then
        fault.raise("bad_schema", "%s has a null element.", element.name)
      end
    elseif parameter.array then
      list = list or {}
      list[#list + 1] = read_scalar(parameter, element)
      arguments[parameter.name] = list
    else
      arguments[parameter.name] = read_scalar(parameter, element)
    end
  end
  return arguments
end

return M
