-- Enumerate, Pull and Release of the WS-Management face (docs/facts/hyperv-wmi.md#4.2). What an
-- enumeration gives is found at Enumerate; Pull hands it out in pieces that fit the client's
-- envelope.
local fault = require("lab.wsman.fault")
local scheduler = require("core.scheduler")
local values = require("lab.wsman.values")
local wql = require("lab.wql")

local M = {}
M.__index = M

local WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
local SELECTOR_FILTER = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"
local BATCH_MAX = 32000 -- winrm/config MaxBatchItems
local KEPT_SECONDS = 60 -- winrm/config EnumerationTimeoutms
local CONTEXTS_MAX = 1500
local ROOM = 1200 -- bytes of an envelope around its items

function M.new()
  return setmetatable({ contexts = {}, count = 0, last = 0 }, M)
end

---- what is enumerated ----------------------------------------------------------------------------

local function subject_of(instance, find_class)
  local schema = find_class(instance.class)
  local by_name = {}
  for _, property in ipairs(schema.properties) do
    by_name[property.name:lower()] = property
  end
  return {
    get = function(name)
      local lower = name:lower()
      if lower == "__class" then
        return instance.class
      end
      local property = by_name[lower]
      return property and instance.values[property.name]
    end,
    isa = function(class)
      local lower = class:lower()
      if instance.class:lower() == lower then
        return true
      end
      for _, super in ipairs(schema.super or {}) do
        if super:lower() == lower then
          return true
        end
      end
      return false
    end,
  }
end

local function check_properties(query, schema)
  local known = { __class = true, __this = true, __path = true, __relpath = true }
  for _, property in ipairs(schema.properties) do
    known[property.name:lower()] = true
  end
  for _, name in ipairs(wql.properties(query)) do
    if not known[name:lower()] then
      fault.raise("bad_filter", "%s has no property %s.", schema.name, name)
    end
  end
end

local function select(query, provider)
  local schema = provider:class(query.class)
  if not schema then
    fault.raise("bad_filter", "The class %s does not exist.", query.class)
  end
  check_properties(query, schema)
  local function find_class(name)
    return provider:class(name)
  end
  local found = {}
  for _, instance in ipairs(provider:instances(query.class)) do
    if wql.matches(query, subject_of(instance, find_class)) then
      found[#found + 1] = instance
    end
  end
  return found
end

local function run_wql(text, provider, parse_path)
  local query, why = wql.parse(text)
  if not query then
    fault.raise("bad_filter", "The query is not valid: %s.", why)
  elseif query.kind == "select" then
    return select(query, provider), query
  end
  local ok, path = pcall(parse_path, query.path)
  if not ok or not path then
    fault.raise("bad_filter", "%s is not an object path.", query.path)
  end
  local how = {
    assoc_class = query.assoc_class, result_class = query.result_class,
    role = query.role, result_role = query.result_role,
  }
  if query.kind == "associators" then
    return provider:associators(path.class, path.keys, how), query
  end
  return provider:references(path.class, path.keys, how), query
end

local function by_selectors(found, set, find_class)
  local wanted = values.read_selectors(set)
  local kept = {}
  for _, instance in ipairs(found) do
    local subject = subject_of(instance, find_class)
    local matches = true
    for name, value in pairs(wanted) do
      local own = subject.get(name)
      matches = matches and own ~= nil and tostring(own):lower() == tostring(value):lower()
    end
    if matches then
      kept[#kept + 1] = instance
    end
  end
  return kept
end

-- Instances, and the query when it was one.
local function find(call, filter)
  local provider = call.provider
  if not filter then
    if call.class == "*" then
      fault.raise("bad_filter", "The resource * needs a filter.")
    end
    return provider:instances(call.class)
  end
  local dialect = filter.attributes.Dialect
  if dialect == WQL then
    if call.class ~= "*" then
      fault.raise("bad_filter", "With WQL the class name in the resource URI must be '*'.")
    end
    return run_wql(filter.text, provider, call.parse_path)
  elseif dialect == SELECTOR_FILTER then
    return by_selectors(provider:instances(call.class), values.child(filter, "SelectorSet"),
      call.context.find_class)
  end
  fault.raise("no_dialect", "%s", dialect or "None is given.")
end

---- items -----------------------------------------------------------------------------------------

local MODES = { EnumerateEPR = true, EnumerateObjectAndEPR = true }

local function item_writer(call, request, query)
  local mode = values.child(request, "EnumerationMode")
  mode = mode and mode.text
  if mode and not MODES[mode] then
    fault.raise("unsupported", "There is no enumeration mode %s.", mode)
  end
  local poly = values.child(request, "PolymorphismMode")
  poly = poly and poly.text
  local context = call.context
  if query and query.columns then
    local wanted = {}
    for _, name in ipairs(query.columns) do
      wanted[name:lower()] = true
    end
    context = setmetatable({ wanted = wanted }, { __index = call.context })
  end
  return function(instance)
    if poly == "None" and instance.class:lower() ~= call.class:lower() then
      return nil
    end
    local epr = mode and "<a:EndpointReference>" ..
      values.reference(values.reference_of(instance, call.context), context.namespace) ..
      "</a:EndpointReference>"
    if mode == "EnumerateEPR" then
      return epr
    end
    local object
    if context.wanted and call.fragments then
      object = values.fragment(instance, context)
    else
      local as = poly == "ExcludeSubClassProperties" and context.find_class(call.class).name or nil
      object = values.instance(instance, context, as)
    end
    return epr and "<w:Item>" .. object .. epr .. "</w:Item>" or object
  end
end

---- contexts --------------------------------------------------------------------------------------

function M:forget_old()
  local now = scheduler.now()
  for id, context in pairs(self.contexts) do
    if now - context.used > KEPT_SECONDS then
      self.contexts[id] = nil
      self.count = self.count - 1
    end
  end
end

function M:keep(context)
  self:forget_old()
  if self.count >= CONTEXTS_MAX then
    fault.raise("unsupported", "Too many enumerations are open.")
  end
  self.last = self.last + 1
  context.id = ("uuid:%08X-0000-4000-8000-%012X"):format(self.last, self.last)
  self.contexts[context.id] = context
  self.count = self.count + 1
end

function M:drop(context)
  if context.id and self.contexts[context.id] then
    self.contexts[context.id] = nil
    self.count = self.count - 1
  end
end

function M:get(element)
  self:forget_old()
  local id = element and element.text:match("^%s*(.-)%s*$")
  local context = id and self.contexts[id]
  if not context then
    fault.raise("bad_context")
  end
  context.used = scheduler.now()
  return context
end

local function read_count(element, default)
  if not element then
    return default
  end
  local count = math.tointeger(tonumber(element.text))
  if not count or count < 1 then
    fault.raise("bad_parameter", "MaxElements must be a number of 1 or more.")
  end
  return math.min(count, BATCH_MAX)
end

-- The next items that fit: as many as wanted, at least one.
local function next_items(context, count, max_bytes)
  local out, room = {}, max_bytes - ROOM
  while #out < count and context.at <= #context.items do
    local item = context.items[context.at]
    if #item > room then
      if #out == 0 then
        fault.raise("too_large", "One item has %d bytes.", #item)
      end
      break
    end
    out[#out + 1] = item
    room = room - #item
    context.at = context.at + 1
  end
  return table.concat(out), context.at > #context.items
end

---- operations ------------------------------------------------------------------------------------

---@class WsmanCall
---@field provider table
---@field class string        of the resource URI; "*"
---@field context table       of wsman_values.instance
---@field parse_path function
---@field fragments boolean   columns of a query come as XmlFragment
---@field max_bytes integer   of the answer's envelope
---@field sight table?        where a fault leaves rows out: lab/world/sight.lua
---@field body table          first element of the request's body

-- Body of the answer to Enumerate.
---@param call WsmanCall
function M:enumerate(call)
  local request = call.body
  local found, query = find(call, values.child(request, "Filter"))
  found = call.sight and call.sight:found(found) or found
  local write = item_writer(call, request, query)
  local context = { items = {}, at = 1, used = scheduler.now() }
  for _, instance in ipairs(found) do
    context.items[#context.items + 1] = write(instance)
  end
  if not values.child(request, "OptimizeEnumeration") then
    self:keep(context)
    return ("<n:EnumerateResponse><n:EnumerationContext>%s</n:EnumerationContext>" ..
      "</n:EnumerateResponse>"):format(context.id)
  end
  local count = read_count(values.child(request, "MaxElements"), 1)
  local items, finished = next_items(context, count, call.max_bytes)
  if not finished then
    self:keep(context)
  end
  return ("<n:EnumerateResponse><n:EnumerationContext>%s</n:EnumerationContext>" ..
    "<w:Items>%s</w:Items>%s</n:EnumerateResponse>"):format(
    context.id or "", items, finished and "<w:EndOfSequence/>" or "")
end

---@param call WsmanCall
function M:pull(call)
  local context = self:get(values.child(call.body, "EnumerationContext"))
  local count = read_count(values.child(call.body, "MaxElements"), 1)
  local characters = values.child(call.body, "MaxCharacters")
  local max_bytes = math.min(call.max_bytes,
    characters and math.tointeger(tonumber(characters.text)) or math.maxinteger)
  local items, finished = next_items(context, count, max_bytes)
  if finished then
    self:drop(context)
    return "<n:PullResponse><n:Items>" .. items .. "</n:Items><n:EndOfSequence/></n:PullResponse>"
  end
  return ("<n:PullResponse><n:EnumerationContext>%s</n:EnumerationContext>" ..
    "<n:Items>%s</n:Items></n:PullResponse>"):format(context.id, items)
end

---@param call WsmanCall
function M:release(call)
  self:drop(self:get(values.child(call.body, "EnumerationContext")))
  return ""
end

return M
