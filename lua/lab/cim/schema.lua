-- Classes of the simulated WMI, declared in a few words each and read once:
--   namespace:class("Name", "Super1 Super2", "Key1 Key2", "string Name, uint16[] State",
--     { Method = "in uint16 RequestedState, out reference Job" })
-- Type "embedded": a CIM string that carries an instance as text; "instance": an embedded object.
local M = {}
M.__index = M

local function words(text)
  local list = {}
  for word in text:gmatch("%S+") do
    list[#list + 1] = word
  end
  return list
end

local function properties(text)
  local list = {}
  for type_name, array, name in text:gmatch("(%w+)(%[?%]?)%s+([%w_]+)") do
    list[#list + 1] = { name = name, type = type_name, array = array == "[]" }
  end
  return list
end

local function method(text)
  local ins, outs = {}, {}
  for direction, type_name, array, name in text:gmatch("(%l+)%s+(%w+)(%[?%]?)%s+([%w_]+)") do
    local list = direction == "in" and ins or outs
    list[#list + 1] = { name = name, type = type_name, array = array == "[]" }
  end
  return { ins = ins, outs = outs }
end

function M.new(name)
  return setmetatable(
    { name = name, names = {}, by_name = {}, subclasses = {}, producers = {}, methods = {},
      associations = {} },
    M
  )
end

---@param supers string super-classes, the nearest first
---@param keys string
---@param text string properties
---@param methods table<string, string>?
function M:class(name, supers, keys, text, methods)
  local schema = { name = name, super = words(supers), keys = words(keys),
    properties = properties(text), methods = {} }
  schema.property_by_name = {}
  for _, property in ipairs(schema.properties) do
    schema.property_by_name[property.name:lower()] = property
  end
  schema.key_by_name = {}
  for _, key in ipairs(schema.keys) do
    schema.key_by_name[key:lower()] = key
  end
  schema.method_by_name = {}
  for method_name, signature in next, methods or {} do
    schema.methods[method_name] = method(signature)
    schema.method_by_name[method_name:lower()] = method_name
  end
  self.names[#self.names + 1] = name
  self.by_name[name:lower()] = schema
  for _, super in ipairs(schema.super) do
    local key = super:lower()
    if not self.by_name[key] then
      self.names[#self.names + 1] = super
      self.by_name[key] = {
        name = super,
        super = {},
        keys = schema.keys,
        key_by_name = schema.key_by_name,
        properties = schema.properties,
        property_by_name = schema.property_by_name,
        methods = {},
        method_by_name = {},
        abstract = true,
      }
    end
    local list = self.subclasses[key] or {}
    self.subclasses[key] = list
    list[#list + 1] = schema
  end
  return schema
end

-- producer(context) -> list of instances of exactly this class.
function M:instances(name, producer)
  self.producers[name] = producer
end

-- fn(context, instance, args) -> ReturnValue, { out = value }
function M:method(class, name, fn)
  self.methods[class .. "." .. name] = fn
end

-- A relation between two classes. pairs(context) -> list of { from = reference, to = reference }.
-- more: { properties = text, values = {} } that every link has beside its two ends.
function M:association(name, from_role, to_role, list_pairs, more)
  local text = "reference " .. from_role .. ", reference " .. to_role
  self:class(name, "", from_role .. " " .. to_role, text .. (more and more.properties or ""))
  local association = { name = name, from = from_role, to = to_role, pairs = list_pairs }
  function association.link(pair)
    local values = { [from_role] = pair.from, [to_role] = pair.to }
    for property, value in next, more and more.values or {} do
      values[property] = value
    end
    return { class = name, values = values }
  end
  self.associations[#self.associations + 1] = association
  self.producers[name] = function(context)
    local list = {}
    for i, pair in ipairs(list_pairs(context)) do
      list[i] = association.link(pair)
    end
    return list
  end
end

return M
