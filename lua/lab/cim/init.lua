-- The world as WMI shows it: classes, instances, associations and methods of one node and
-- namespace. The forms are described in docs/lab.md, "CIM"; nothing here knows XML or WQL.
-- Instances are made when they are asked for.
local errors = require("lab.world.errors")
local cimv2 = require("lab.cim.cimv2")
local paths = require("lab.cim.paths")
local virtualization = require("lab.cim.virtualization")

local M = {}
M.path = paths.format
M.parse_path = paths.parse

local Provider = {}
Provider.__index = Provider

local namespaces = {
  ["root/virtualization/v2"] = virtualization,
  ["root/cimv2"] = cimv2,
}

---@param world World
---@param node_name string
---@param namespace string "root/virtualization/v2" or "root/cimv2", any case, \ or /
---@return table? provider nil when there is no such node or namespace
function M.new(world, node_name, namespace)
  local known = namespaces[(namespace:gsub("\\", "/"):gsub("^/+", ""):lower())]
  local node = world:at(node_name)
  if not known or not node then
    return nil
  end
  local context = {
    world = world,
    node = node,
    hyperv = node.hyperv,
    host = node.host_name,
    namespace = known.name,
  }
  return setmetatable({ namespace = known, context = context }, Provider)
end

function Provider:classes()
  return self.namespace.names
end

function Provider:class(name)
  return self.namespace.by_name[name:lower()]
end

local function need_class(self, name)
  local schema = self:class(name)
  if not schema then
    errors.wmi(errors.INVALID_CLASS, "there is no class %s in %s", name, self.namespace.name)
  end
  return schema
end

-- Concrete classes that a class stands for: itself, or its sub-classes.
local function concrete(self, schema)
  local list = {}
  if not schema.abstract then
    list[1] = schema
  end
  for _, sub in ipairs(self.namespace.subclasses[schema.name:lower()] or {}) do
    list[#list + 1] = sub
  end
  return list
end

-- Instances of a class and of its sub-classes.
function Provider:instances(name)
  local list = {}
  for _, schema in ipairs(concrete(self, need_class(self, name))) do
    local producer = self.namespace.producers[schema.name]
    if producer then
      local made, sight = producer(self.context), self.context.world.sight
      made = sight and sight:instances(schema.name, made) or made
      table.move(made, 1, #made, #list + 1, list)
    end
  end
  return list
end

local function same_text(a, b)
  return tostring(a):lower() == tostring(b):lower()
end

-- Whether an instance has these keys; those that are not said may be anything.
local function has_keys(schema, instance, keys)
  for name, value in next, keys do
    if name:sub(1, 2) ~= "__" then
      local key = schema.key_by_name[name:lower()]
      if not key or not same_text(instance.values[key], value) then
        return false
      end
    end
  end
  return true
end

local function find(self, name, keys)
  for _, instance in ipairs(self:instances(name)) do
    if has_keys(self:class(instance.class), instance, keys) then
      return instance
    end
  end
  return nil
end

---@param keys table<string, string> by name; some may be missing when the others are enough
function Provider:get(name, keys)
  if next(keys) == nil and name:sub(1, 5) ~= "Win32" and #need_class(self, name).keys > 0 then
    errors.wmi(errors.INVALID_METHOD_PARAMETERS, "a key of %s is missing", name)
  end
  local instance = find(self, name, keys)
  if not instance then
    errors.wmi(errors.NOT_FOUND, "there is no such instance of %s", name)
  end
  return instance
end

-- The reference of an instance: its class and keys.
function Provider:reference(instance)
  local keys = {}
  for _, key in ipairs(self:class(instance.class).keys) do
    keys[key] = instance.values[key]
  end
  return { class = instance.class, keys = keys }
end

local function is_a(self, class, wanted)
  if not wanted or wanted == "" or same_text(class, wanted) then
    return true
  end
  local schema = self:class(class)
  for _, super in ipairs(schema and schema.super or {}) do
    if same_text(super, wanted) then
      return true
    end
  end
  return false
end

-- Whether two references mean the same object: every key that both say is equal.
local function same_object(self, a, b)
  if not (is_a(self, a.class, b.class) or is_a(self, b.class, a.class)) then
    return false
  end
  for name, value in next, b.keys do
    if a.keys[name] ~= nil and not same_text(a.keys[name], value) then
      return false
    end
  end
  return true
end

-- Calls visit(association, my role, other role, other reference, pair) for each link of an object.
local function each_link(self, me, association_name, visit)
  for _, association in ipairs(self.namespace.associations) do
    if is_a(self, association.name, association_name) then
      for _, pair in ipairs(association.pairs(self.context)) do
        if same_object(self, pair.from, me) then
          visit(association, association.from, association.to, pair.to, pair)
        end
        if same_object(self, pair.to, me) then
          visit(association, association.to, association.from, pair.from, pair)
        end
      end
    end
  end
end

local function role_fits(role, wanted)
  return not wanted or wanted == "" or same_text(role, wanted)
end

---@param options table<string, string?>? assoc_class, result_class, role, result_role
function Provider:associators(name, keys, options)
  options = options or {}
  local me = self:reference(self:get(name, keys))
  local list = {}
  each_link(self, me, options.assoc_class, function(_, role, other_role, other)
    if
      role_fits(role, options.role)
      and role_fits(other_role, options.result_role)
      and is_a(self, other.class, options.result_class)
    then
      list[#list + 1] = find(self, other.class, other.keys)
    end
  end)
  return list
end

---@param options { result_class: string?, role: string? }
function Provider:references(name, keys, options)
  options = options or {}
  local me = self:reference(self:get(name, keys))
  local list = {}
  each_link(self, me, options.result_class, function(association, role, _, _, pair)
    if role_fits(role, options.role) then
      list[#list + 1] = association.link(pair)
    end
  end)
  return list
end

-- The schema of a method and the class that has it.
local function find_method(self, class, method)
  local schema = self:class(class)
  local name = schema.method_by_name[method:lower()]
  if not name then
    errors.wmi(errors.INVALID_METHOD, "class %s has no method %s", class, method)
  end
  return schema, name
end

local function named(signature, args)
  local result = {}
  for name, value in next, args or {} do
    local known
    for _, parameter in ipairs(signature.ins) do
      if same_text(parameter.name, name) then
        known = parameter
      end
    end
    if not known then
      errors.wmi(errors.INVALID_METHOD_PARAMETERS, "there is no parameter %s", name)
    end
    if known.array and (type(value) ~= "table" or value.class or value.keys) then
      value = { value }
    end
    result[known.name] = value
  end
  return result
end

---@param args table<string, any> by name
---@return { name: string, type: string, array: boolean, value: any }[] outs ReturnValue last
function Provider:call(class, keys, method, args)
  local schema = need_class(self, class)
  local instance
  if next(keys) ~= nil or not schema.method_by_name[method:lower()] or not schema.static then
    instance = self:get(class, keys)
    class = instance.class
  end
  local found, name = find_method(self, class, method)
  local signature = found.methods[name]
  local fn = self.namespace.methods[found.name .. "." .. name]
  local arguments = named(signature, args)
  local code, values = self.context.world.faults:returns(), nil
  if not code then
    code, values = fn(self.context, instance, arguments)
  end
  local outs = {}
  for _, out in ipairs(signature.outs) do
    outs[#outs + 1] = { name = out.name, type = out.type, array = out.array, value = values
      and values[out.name] }
  end
  outs[#outs + 1] = { name = "ReturnValue", type = "uint32", array = false, value = code }
  return outs
end

return M
