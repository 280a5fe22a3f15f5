-- Instances as CIM-XML text (DTD 2.0), the form that embedded instances take in string parameters
-- and properties (docs/facts/hyperv-wmi.md#4.3).
local xml = require("xml")

local M = {}

local escape = xml.escape

---- reading ---------------------------------------------------------------------------------------

local INTEGERS = {
  uint8 = true, uint16 = true, uint32 = true, uint64 = true,
  sint8 = true, sint16 = true, sint32 = true, sint64 = true,
}

local function bad(format, ...)
  error({ cimxml = format:format(...) }, 0)
end

local function scalar(type, text)
  if type == "boolean" then
    local lower = text:lower()
    if lower ~= "true" and lower ~= "false" then
      bad("'%s' is not a boolean", text)
    end
    return lower == "true"
  elseif INTEGERS[type] then
    local number = math.tointeger(tonumber(text))
    if not number and not text:find("^%d+$") then
      bad("'%s' is not a number", text)
    end
    return number or text -- beyond 63 bits it stays text
  elseif type == "real32" or type == "real64" then
    return tonumber(text) or bad("'%s' is not a number", text)
  end
  return text
end

local function child(element, name)
  for _, inner in ipairs(element) do
    if inner.name == name then
      return inner
    end
  end
  return nil
end

local function read_property(element)
  local type = element.attributes.TYPE
  if not type then
    bad("%s has no TYPE", element.attributes.NAME or "a property")
  end
  if element.name == "PROPERTY.ARRAY" then
    local array = child(element, "VALUE.ARRAY")
    if not array then
      return nil
    end
    local list = {}
    for _, value in ipairs(array) do
      list[#list + 1] = scalar(type, value.text)
    end
    return list
  end
  local value = child(element, "VALUE")
  return value and scalar(type, value.text)
end

local function read_instance(element)
  local class = element.attributes.CLASSNAME
  if element.name ~= "INSTANCE" or not class then
    bad("an INSTANCE with a CLASSNAME is missing")
  end
  local properties, types = {}, {}
  for _, property in ipairs(element) do
    if property.name == "PROPERTY" or property.name == "PROPERTY.ARRAY" then
      local name = property.attributes.NAME
      if not name then
        bad("a property has no NAME")
      end
      if not name:find("^__") then -- Windows' own texts have the system's properties, too
        properties[name] = read_property(property)
        types[name] = property.attributes.TYPE
      end
    elseif property.name == "PROPERTY.REFERENCE" then
      local value = child(property, "VALUE.REFERENCE")
      properties[property.attributes.NAME or "?"] = value and value.text
    end
  end
  return { class = class, properties = properties, types = types }
end

-- One instance from its text.
---@param text string
---@return { class: string, properties: table }? instance nil: not acceptable
---@return string? why
function M.decode(text)
  local ok, result = pcall(function()
    return read_instance(xml.parse(text, {}))
  end)
  if ok then
    return result
  end
  return nil, type(result) == "table" and result.cimxml or tostring(result)
end

---- writing ---------------------------------------------------------------------------------------

local encode

local function value_text(property, value, find_class)
  if property.type == "instance" or property.type == "embedded" then
    return encode(value, find_class)
  elseif property.type == "reference" then
    return type(value) == "table" and value.class or tostring(value)
  end
  return tostring(value)
end

local function write_property(out, property, value, find_class)
  local type, extra = property.type, ""
  if type == "instance" or type == "embedded" then
    type, extra = "string", ' EmbeddedObject="object"'
  elseif type == "reference" then
    type = "string"
  end
  local element = property.array and "PROPERTY.ARRAY" or "PROPERTY"
  out[#out + 1] = ('<%s NAME="%s" TYPE="%s"%s>'):format(element, escape(property.name), type, extra)
  if property.array and value ~= nil then
    out[#out + 1] = "<VALUE.ARRAY>"
    for _, item in ipairs(value) do
      out[#out + 1] = "<VALUE>" .. escape(value_text(property, item, find_class)) .. "</VALUE>"
    end
    out[#out + 1] = "</VALUE.ARRAY>"
  elseif value ~= nil then
    out[#out + 1] = "<VALUE>" .. escape(value_text(property, value, find_class)) .. "</VALUE>"
  end
  out[#out + 1] = "</" .. element .. ">"
end

-- Text of one instance. `find_class` gives the schema of a class name (the provider's).
---@param instance { class: string, values: table }
---@param find_class fun(name: string): table?
---@return string
function M.encode(instance, find_class)
  local schema = find_class(instance.class)
  local out = { ('<INSTANCE CLASSNAME="%s">'):format(escape(instance.class)) }
  for _, property in ipairs(schema and schema.properties or {}) do
    write_property(out, property, instance.values[property.name], find_class)
  end
  out[#out + 1] = "</INSTANCE>"
  return table.concat(out)
end

encode = M.encode

return M
