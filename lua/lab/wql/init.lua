-- WQL as WMI takes it: SELECT with WHERE, ASSOCIATORS OF, REFERENCES OF. Parsing gives a small
-- tree; `matches` judges one instance (see docs/lab.md) against it. Comparisons follow WMI: texts
-- without case, null equals nothing, a text that holds a number compares with a number.
local judge = require("lab.wql.judge")

local M = {}
M.like = judge.like
M.matches = judge.matches

---@class WqlQuery
---@field kind "select"|"associators"|"references"
---@field class string?      of a select
---@field columns string[]?  nil: all
---@field where table?       expression tree
---@field path string?       of the other two: the object path between the braces
---@field assoc_class string?
---@field result_class string?
---@field role string?
---@field result_role string?

local OPERATORS = {
  ["="] = "=", ["<>"] = "<>", ["!="] = "<>", ["<"] = "<", [">"] = ">", ["<="] = "<=", [">="] = ">=",
}
-- For a value that stands on the left.
local SWAPPED = {
  ["="] = "=", ["<>"] = "<>", ["<"] = ">", [">"] = "<", ["<="] = ">=", [">="] = "<=",
}

local function fail(format, ...)
  error({ wql = format:format(...) }, 0)
end

---- words -----------------------------------------------------------------------------------------

-- A text between quotes. Inside, a backslash makes the next quote or backslash plain; before
-- anything else it is an error, which is what catches paths that were not escaped.
local function read_text(source, position)
  local quote = source:sub(position, position)
  local out = {}
  local i = position + 1
  while i <= #source do
    local c = source:sub(i, i)
    if c == "\\" then
      local escaped = source:sub(i + 1, i + 1)
      if not escaped:find("^[\\'\"]") then
        fail("a backslash that escapes nothing, at %d", i)
      end
      out[#out + 1] = escaped
      i = i + 2
    elseif c == quote then
      return table.concat(out), i + 1
    else
      out[#out + 1] = c
      i = i + 1
    end
  end
  fail("a text without its closing quote")
end

-- What stands between braces; a quoted } does not end it.
local function read_path(source, position)
  local quoted = false
  local i = position + 1
  while i <= #source do
    local c = source:sub(i, i)
    if c == "\\" and quoted then
      i = i + 1
    elseif c == '"' then
      quoted = not quoted
    elseif c == "}" and not quoted then
      local path = source:sub(position + 1, i - 1):match("^%s*(.-)%s*$")
      return path, i + 1
    end
    i = i + 1
  end
  fail("a brace is not closed")
end

local function tokenize(source)
  local tokens = {}
  local i = 1
  while true do
    i = source:find("%S", i)
    if not i then
      return tokens
    end
    local c = source:sub(i, i)
    local text, stop = source:match("^([%a_][%w_]*)()", i)
    if text then
      tokens[#tokens + 1] = { type = "word", text = text, lower = text:lower() }
    elseif c == "'" or c == '"' then
      text, stop = read_text(source, i)
      tokens[#tokens + 1] = { type = "text", value = text }
    elseif c == "{" then
      text, stop = read_path(source, i)
      tokens[#tokens + 1] = { type = "path", text = text }
    elseif source:find("^-?%.?%d", i) then
      text, stop = source:match("^(-?[%d%.]+[eE]?[+-]?%d*)()", i)
      local hexadecimal, after = source:match("^(0[xX]%x+)()", i)
      if hexadecimal then
        text, stop = hexadecimal, after
      end
      local number = math.tointeger(tonumber(text)) or tonumber(text)
      if not number then
        fail("'%s' is not a number", text)
      end
      tokens[#tokens + 1] = { type = "number", value = number }
    else
      text, stop = source:match("^([<>!]=)()", i)
      if not text then
        text, stop = source:match("^(<>)()", i)
      end
      if not text then
        text, stop = source:match("^([=<>(),*.])()", i)
      end
      if not text then
        fail("'%s' is not understood", c)
      end
      tokens[#tokens + 1] = { type = text }
    end
    i = stop
  end
end

---- grammar ---------------------------------------------------------------------------------------

local Parser = {}
Parser.__index = Parser

function Parser:peek(type)
  local token = self.tokens[self.at]
  return token and (not type or token.type == type) and token or nil
end

function Parser:word(lower)
  local token = self:peek("word")
  if token and token.lower == lower then
    self.at = self.at + 1
    return token
  end
  return nil
end

function Parser:expect(type, what)
  local token = self:peek(type)
  if not token then
    fail("%s is missing", what)
  end
  self.at = self.at + 1
  return token
end

function Parser:accept(type)
  if self:peek(type) then
    return self:expect(type)
  end
  return nil
end

function Parser:literal()
  local token = self:peek()
  if token and (token.type == "text" or token.type == "number") then
    self.at = self.at + 1
    return token.value, false
  end
  if self:word("true") then
    return true, false
  elseif self:word("false") then
    return false, false
  elseif self:word("null") then
    return nil, true
  end
  fail("a value is missing")
end

local function comparison(property, operator, value, is_null)
  if is_null then
    if operator == "=" then
      return { kind = "null", property = property }
    elseif operator == "<>" then
      return { kind = "not", { kind = "null", property = property } }
    end
    fail("null has no order")
  end
  return { kind = "compare", property = property, operator = operator, value = value }
end

function Parser:condition()
  if self:accept("(") then
    local inner = self:disjunction()
    self:expect(")", "a closing bracket")
    return inner
  end
  local token = self:peek()
  if token and (token.type == "text" or token.type == "number" or
      (token.type == "word" and (token.lower == "true" or token.lower == "false"))) then
    local value = self:literal()
    local operator = OPERATORS[(self:peek() or {}).type]
    if not operator then
      fail("an operator is missing")
    end
    self.at = self.at + 1
    return comparison(self:expect("word", "a property").text, SWAPPED[operator], value, false)
  end
  local property = self:expect("word", "a property").text
  if self:word("is") then
    local negated = self:word("not")
    if not self:word("null") then
      fail("NULL is missing after IS")
    end
    local inner = { kind = "null", property = property }
    return negated and { kind = "not", inner } or inner
  elseif self:word("like") then
    return { kind = "like", property = property, pattern = self:expect("text", "a pattern").value }
  elseif self:word("isa") then
    return { kind = "isa", property = property, class = self:expect("text", "a class").value }
  end
  local negated = self:word("not")
  if negated and self:word("like") then
    return { kind = "not",
      { kind = "like", property = property, pattern = self:expect("text", "a pattern").value } }
  end
  local operator = OPERATORS[(self:peek() or {}).type]
  if not operator or negated then
    fail("an operator is missing after %s", property)
  end
  self.at = self.at + 1
  local value, is_null = self:literal()
  return comparison(property, operator, value, is_null)
end

function Parser:negation()
  if self:word("not") then
    return { kind = "not", self:negation() }
  end
  return self:condition()
end

function Parser:conjunction()
  local left = self:negation()
  while self:word("and") do
    left = { kind = "and", left, self:negation() }
  end
  return left
end

function Parser:disjunction()
  self.depth = (self.depth or 0) + 1
  if self.depth > 64 then
    fail("the conditions are nested too deeply")
  end
  local left = self:conjunction()
  while self:word("or") do
    left = { kind = "or", left, self:conjunction() }
  end
  self.depth = self.depth - 1
  return left
end

function Parser:select()
  local query = { kind = "select" }
  if not self:accept("*") then
    query.columns = {}
    repeat
      query.columns[#query.columns + 1] = self:expect("word", "a property").text
    until not self:accept(",")
  end
  if not self:word("from") then
    fail("FROM is missing")
  end
  query.class = self:expect("word", "a class").text
  if self:word("where") then
    query.where = self:disjunction()
  end
  return query
end

local CLAUSES = {
  associators = {
    assocclass = "assoc_class", resultclass = "result_class", role = "role",
    resultrole = "result_role", requiredqualifier = "qualifier",
    requiredassocqualifier = "assoc_qualifier",
  },
  references = { resultclass = "result_class", role = "role", requiredqualifier = "qualifier" },
}
local FLAGS = { classdefsonly = true, keysonly = true, schemaonly = true }

function Parser:related(kind)
  if not self:word("of") then
    fail("OF is missing")
  end
  local query = { kind = kind, path = self:expect("path", "an object path in braces").text }
  if query.path == "" then
    fail("the object path is empty")
  end
  if self:word("where") then
    repeat
      local name = self:expect("word", "a clause")
      local field = CLAUSES[kind][name.lower]
      if field then
        self:expect("=", "= after " .. name.text)
        query[field] = self:expect("word", "a name after " .. name.text).text
      elseif FLAGS[name.lower] then
        query[name.lower] = true
      else
        fail("there is no clause %s", name.text)
      end
    until not self:peek()
  end
  return query
end

---@param text string
---@return WqlQuery? query
---@return string? why not
function M.parse(text)
  local ok, result = pcall(function()
    local parser = setmetatable({ tokens = tokenize(text), at = 1 }, Parser)
    local query
    if parser:word("select") then
      query = parser:select()
    elseif parser:word("associators") then
      query = parser:related("associators")
    elseif parser:word("references") then
      query = parser:related("references")
    else
      fail("a query begins with SELECT, ASSOCIATORS OF or REFERENCES OF")
    end
    if parser:peek() then
      fail("something follows the end of the query")
    end
    return query
  end)
  if ok then
    return result
  elseif type(result) == "table" and result.wql then
    return nil, result.wql
  end
  error(result, 0)
end

-- Names of the properties that the query mentions, WHERE and columns alike.
---@param query WqlQuery
---@return string[]
function M.properties(query)
  local names = {}
  for _, name in ipairs(query.columns or {}) do
    names[#names + 1] = name
  end
  local function walk(where)
    if where.property then
      names[#names + 1] = where.property
    end
    for _, inner in ipairs(where) do
      walk(inner)
    end
  end
  if query.where then
    walk(query.where)
  end
  return names
end

return M
