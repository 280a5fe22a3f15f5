-- Maps the paths of the table that a Lua file returns to their lines, so that a mistake in
-- parameters.lua is reported with the administrator's own line.
--
-- Lua keeps no lines of table fields, so the text is read once more, by a small tokenizer that
-- knows as much of Lua as such a file uses: `return { ... }`, and constructors given to locals
-- before it. What it does not understand (a value that a function computes) is passed over; such a
-- path gets the line of the nearest path that is known.
local M = {}

local openers = { ["("] = true, ["{"] = true, ["["] = true }
local closers = { [")"] = true, ["}"] = true, ["]"] = true }
-- Words that open a block and those that close one: a comma inside of a function is not a comma of
-- the table.
local block_begin = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local block_end = { ["end"] = true, ["until"] = true }

local escapes = {
  n = "\n", t = "\t", r = "\r", a = "\a", b = "\b", f = "\f", v = "\v",
  ["\\"] = "\\", ['"'] = '"', ["'"] = "'", ["\n"] = "\n",
}

local function unescape(text)
  text = text:gsub("\\z%s*", "")
  text = text:gsub("\\x(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)
  text = text:gsub("\\(%d%d?%d?)", function(digits)
    return string.char(tonumber(digits) % 256)
  end)
  text = text:gsub("\\u{(%x+)}", function(hex)
    local ok, char = pcall(utf8.char, tonumber(hex, 16))
    return ok and char or ""
  end)
  return (text:gsub("\\(.)", escapes))
end

-- List of { kind = "name"|"text"|"number"|"sign", value =, line = }.
local function tokens(text)
  local list, at, line = {}, 1, 1
  local function skip_to(next_at)
    local _, newlines = text:sub(at, next_at - 1):gsub("\n", "\n")
    line = line + newlines
    at = next_at
  end
  local function add(kind, value, next_at)
    list[#list + 1] = { kind = kind, value = value, line = line }
    skip_to(next_at)
  end
  local function long_bracket(from)
    local level = text:match("^%[(=*)%[", from)
    if not level then
      return nil
    end
    local _, stop = text:find("]" .. level .. "]", from, true)
    stop = stop or #text
    return text:sub(from + #level + 2, stop - #level - 2):gsub("^\r?\n", ""), stop + 1
  end
  while at <= #text do
    local char = text:sub(at, at)
    if char:find("%s") then
      skip_to(text:find("%S", at) or #text + 1)
    elseif text:find("^%-%-", at) then
      local _, stop = long_bracket(at + 2)
      skip_to(stop or text:find("\n", at, true) or #text + 1)
    elseif char == '"' or char == "'" then
      local stop = at + 1
      while stop <= #text and text:sub(stop, stop) ~= char do
        stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      end
      add("text", unescape(text:sub(at + 1, stop - 1)), stop + 1)
    elseif text:find("^%[=*%[", at) then
      local value, stop = long_bracket(at)
      add("text", value, stop)
    elseif text:find("^[%a_\x80-\xff]", at) then
      local word = text:match("^[%w_\x80-\xff]+", at)
      add("name", word, at + #word)
    elseif text:find("^%.?%d", at) then
      local number = text:match("^%.?%d[%w%.]*", at)
      add("number", number, at + #number)
    else
      local sign = text:match("^[=~<>]=", at) or text:match("^%.%.%.?", at) or char
      add("sign", sign, at + #sign)
    end
  end
  list[#list + 1] = { kind = "end", value = "", line = line }
  return list
end

---@class Lines
---@field line integer where the value begins
---@field fields table<string|integer, Lines>
---@field copies table<string|integer, integer>? lines at which a key is written a second time

local reader = {}
reader.__index = reader

function reader:peek(offset)
  return self.tokens[math.min(self.at + (offset or 0), #self.tokens)]
end

function reader:is(value, offset)
  local token = self:peek(offset)
  return token.kind ~= "text" and token.value == value
end

-- Passes over one value, to the comma, semicolon or brace that ends it.
function reader:skip_value()
  local depth = 0
  while self:peek().kind ~= "end" do
    local token = self:peek()
    if token.kind ~= "text" then
      local value = token.value
      if depth == 0 and (value == "," or value == ";" or closers[value]) then
        return
      elseif openers[value] or block_begin[value] then
        depth = depth + 1
      elseif closers[value] or block_end[value] then
        depth = depth - 1
      end
    end
    self.at = self.at + 1
  end
end

-- A value: a constructor is read, the name of a local that holds one is followed, anything else is
-- passed over.
function reader:value()
  local token = self:peek()
  local node = { line = token.line, fields = {} }
  if self:is("{") then
    local whole = self:constructor()
    if not (self:is(",") or self:is(";") or self:is("}")) then
      self:skip_value() -- part of a longer expression, as in {...}[1]
    else
      return whole
    end
  elseif token.kind == "name" and self.locals[token.value]
    and (self:is(",", 1) or self:is(";", 1) or self:is("}", 1)) then
    node.fields = self.locals[token.value].fields
    self.at = self.at + 1
  else
    self:skip_value()
  end
  return node
end

function reader:key()
  local token = self:peek()
  if token.kind == "name" and self:is("=", 1) then
    self.at = self.at + 2
    return token.value, token.line
  end
  if self:is("[") and self:is("]", 2) and self:is("=", 3) then
    local key = self:peek(1)
    self.at = self.at + 4
    return key.kind == "number" and math.tointeger(tonumber(key.value)) or key.value, token.line
  end
  if self:is("[") then -- a computed key: not known
    self.at = self.at + 1
    self:skip_value()
    self.at = self.at + 2
    return nil, token.line, true
  end
  return nil, token.line
end

function reader:constructor()
  local node = { line = self:peek().line, fields = {} }
  local index = 0
  self.at = self.at + 1
  while not self:is("}") and self:peek().kind ~= "end" do
    local before = self.at
    local key, line, computed = self:key()
    local value = self:value()
    if key == nil and not computed then
      index = index + 1
      key = index
    elseif key ~= nil then
      value.line = line
    end
    if key ~= nil then
      if node.fields[key] then
        node.copies = node.copies or {}
        node.copies[key] = value.line
      end
      node.fields[key] = value
    end
    if self:is(",") or self:is(";") then
      self.at = self.at + 1
    elseif self.at == before then
      self.at = self.at + 1 -- not Lua; the real parser has said so
    end
  end
  self.at = self.at + 1
  return node
end

-- Reads the text of a file that returns a table.
---@param text string
---@return Lines root
function M.read(text)
  local self = setmetatable({ tokens = tokens(text), at = 1, locals = {} }, reader)
  local root = { line = 1, fields = {} }
  local depth = 0
  while self:peek().kind ~= "end" do
    local token = self:peek()
    if token.kind == "name" and depth == 0 and token.value == "return" then
      self.at = self.at + 1
      root.line = self:peek().line
      if self:is("{") then
        root = self:constructor()
      elseif self.locals[self:peek().value] then
        root = self.locals[self:peek().value]
      end
      return root
    elseif token.kind == "name" and token.value == "local" and depth == 0
      and self:is("=", 2) and self:is("{", 3) then
      local name = self:peek(1).value
      self.at = self.at + 3
      self.locals[name] = self:constructor()
    else
      if token.kind == "name" and block_begin[token.value] then
        depth = depth + 1
      elseif token.kind == "name" and block_end[token.value] then
        depth = depth - 1
      end
      self.at = self.at + 1
    end
  end
  return root
end

-- The line of a path, or of the nearest part of it that is known.
---@param root Lines
---@param path (string|integer)[]
---@return integer
function M.find(root, path)
  local node = root
  for _, key in ipairs(path) do
    local field = node.fields[key]
    if not field then
      return node.line
    end
    node = field
  end
  return node.line
end

-- Calls `report(path, line)` for each key that stands twice in one table: Lua keeps the last one
-- and says nothing.
function M.each_copy(root, report)
  local seen = {} -- a local's constructor may be used in several places
  local function visit(node, path)
    if seen[node.fields] then
      return
    end
    seen[node.fields] = true
    for key, field in pairs(node.fields) do
      local below = table.move(path, 1, #path, 1, {})
      below[#below + 1] = key
      if node.copies and node.copies[key] then
        report(below, node.copies[key])
      end
      visit(field, below)
    end
  end
  visit(root, {})
end

return M
