-- Judges instances against a parsed query (wql.lua): comparisons as WMI makes them, and LIKE.
local M = {}

-- The characters of a text; bytes where it is not UTF-8.
local function characters(text)
  local out = {}
  for c in text:gmatch(utf8.len(text) and utf8.charpattern or ".") do
    out[#out + 1] = c
  end
  return out
end

-- "[a-c]", "[a=c]" (WMI's older way) and "[^abc]", from the bracket at `i`; nil when it is not
-- closed.
local function like_set(pattern, i)
  local set = { ranges = {}, negated = pattern[i + 1] == "^" }
  i = i + (set.negated and 2 or 1)
  while pattern[i] and pattern[i] ~= "]" do
    local from, to = pattern[i], pattern[i]
    local last = pattern[i + 2]
    if (pattern[i + 1] == "-" or pattern[i + 1] == "=") and last and last ~= "]" then
      to = last
      i = i + 2
    end
    set.ranges[#set.ranges + 1] = { from, to }
    i = i + 1
  end
  if pattern[i] then
    return set, i
  end
  return nil
end

local ANY, ONE = {}, {}
local like_cache = setmetatable({}, { __mode = "v" })

-- A list of ANY, ONE, single characters and sets.
local function like_elements(text)
  local elements = like_cache[text]
  if elements then
    return elements
  end
  elements = {}
  local pattern = characters(text:lower())
  local i = 1
  while pattern[i] do
    local c = pattern[i]
    local set, stop
    if c == "[" then
      set, stop = like_set(pattern, i)
    end
    elements[#elements + 1] = set or (c == "%" and ANY) or (c == "_" and ONE) or c
    i = (stop or i) + 1
  end
  like_cache[text] = elements
  return elements
end

local function like_one(element, c)
  if element == ONE or element == c then
    return true
  elseif type(element) ~= "table" or element == ANY then
    return false
  end
  for _, range in ipairs(element.ranges) do
    if c >= range[1] and c <= range[2] then
      return not element.negated
    end
  end
  return element.negated
end

-- Goes back to the last % only, so that no pattern takes for ever.
---@param text string
---@param pattern string % any text, _ one character, [a-c] one of these
---@return boolean
function M.like(text, pattern)
  local elements, subject = like_elements(pattern), characters(text:lower())
  local i, at = 1, 1
  local any, resume_at
  while at <= #subject do
    local element = elements[i]
    if element == ANY then
      any, resume_at = i, at
      i = i + 1
    elseif element and like_one(element, subject[at]) then
      i, at = i + 1, at + 1
    elseif any then
      resume_at = resume_at + 1
      i, at = any + 1, resume_at
    else
      return false
    end
  end
  while elements[i] == ANY do
    i = i + 1
  end
  return elements[i] == nil
end

local function order(operator, a, b)
  if operator == "=" then
    return a == b
  elseif operator == "<>" then
    return a ~= b
  elseif operator == "<" then
    return a < b
  elseif operator == ">" then
    return a > b
  elseif operator == "<=" then
    return a <= b
  end
  return a >= b
end

local function to_boolean(value)
  if type(value) == "boolean" then
    return value
  elseif type(value) == "number" then
    return value ~= 0
  end
  local lower = value:lower()
  if lower == "true" or lower == "false" then
    return lower == "true"
  end
  return nil
end

local function compare(operator, value, literal)
  if type(value) == "boolean" then
    local wanted = to_boolean(literal)
    if wanted == nil or not (operator == "=" or operator == "<>") then
      return false
    end
    return order(operator, value, wanted)
  elseif type(value) == "number" then
    local wanted = literal
    if type(literal) == "boolean" then
      wanted = literal and 1 or 0
    else
      wanted = tonumber(wanted)
    end
    return wanted ~= nil and order(operator, value, wanted)
  elseif type(value) == "string" then
    if type(literal) == "number" and tonumber(value) then
      return order(operator, tonumber(value), literal)
    end
    return order(operator, value:lower(), tostring(literal):lower())
  end
  return false
end

---@class WqlSubject what a condition asks about one instance
---@field get fun(name: string): any          value of a property, any case; nil: null
---@field isa fun(class: string): boolean

local function judge(where, subject)
  local kind = where.kind
  if kind == "and" then
    return judge(where[1], subject) and judge(where[2], subject)
  elseif kind == "or" then
    return judge(where[1], subject) or judge(where[2], subject)
  elseif kind == "not" then
    return not judge(where[1], subject)
  elseif kind == "isa" then
    return where.property:lower() == "__this" and subject.isa(where.class)
  end
  local value = subject.get(where.property)
  if kind == "null" then
    return value == nil
  elseif value == nil then
    return false
  elseif kind == "like" then
    return type(value) == "string" and M.like(value, where.pattern)
  end
  return compare(where.operator, value, where.value)
end

---@param query WqlQuery a select
---@param subject WqlSubject
---@return boolean
function M.matches(query, subject)
  return not query.where or judge(query.where, subject)
end

return M
