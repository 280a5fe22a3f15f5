-- What a value must be: small checkers that are put together into the description of a file. A
-- checker is a function (value, path, report) -> normalised value; what is wrong goes to
-- `report(path, message)`, and the check goes on, so that all mistakes are told at once.
local M = {}

---@alias Report fun(path: (string|integer)[], message: string)
---@alias Checker fun(value: any, path: (string|integer)[], report: Report): any

-- Kinds in words; a value itself is never shown, for it may be a secret.
local function kind_of(value)
  if type(value) == "table" then
    return next(value) == nil and "an empty table" or "a table"
  elseif type(value) == "string" then
    return "text"
  end
  return "a " .. type(value)
end
M.kind_of = kind_of

local function below(path, key)
  local longer = table.move(path, 1, #path, 1, {})
  longer[#longer + 1] = key
  return longer
end
M.below = below

-- Edits (insert, delete, replace, swap of neighbours) that lead from one word to the other.
---@return integer
function M.distance(a, b)
  a, b = a:lower(), b:lower()
  local rows = { [0] = {} }
  for j = 0, #b do
    rows[0][j] = j
  end
  for i = 1, #a do
    rows[i] = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local replaced = rows[i - 1][j - 1] + (same and 0 or 1)
      local best = math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, rows[i - 2][j - 2] + 1)
      end
      rows[i][j] = best
    end
  end
  return rows[#a][#b]
end

-- The nearest of the known words, or nil when none is near.
---@param word string
---@param known string[]
---@return string?
function M.nearest(word, known)
  if type(word) ~= "string" or #word > 64 then
    return nil
  end
  local best, best_distance
  for _, candidate in ipairs(known) do
    local distance = #candidate <= 64 and M.distance(word, candidate) or math.huge
    if not best or distance < best_distance then
      best, best_distance = candidate, distance
    end
  end
  if best and best_distance <= math.max(1, (math.max(#word, #best) + 1) // 3) then
    return best
  end
  return nil
end

-- `; did you mean "x"?`, or the known words when they are few, or nothing.
function M.suggestion(word, known)
  local near = M.nearest(word, known)
  if near then
    return ('; did you mean "%s"?'):format(near)
  elseif #known > 0 and #known <= 8 then
    return "; known are " .. table.concat(known, ", ")
  end
  return ""
end

-- What a checker of a table consists of, for whoever describes the keys.
local parts = setmetatable({}, { __mode = "k" })

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return keys
end
M.sorted_keys = sorted_keys

-- Text that is not empty and has no control characters, as "G:\new" without [[ ]] has one.
---@return Checker
function M.text()
  return function(value, path, report)
    if type(value) ~= "string" then
      return report(path, "must be text, is " .. kind_of(value))
    elseif value:find("^%s*$") then
      return report(path, "must not be empty")
    elseif value:find("%c") then
      return report(path, "has a control character; write paths as [[G:\\new]]")
    elseif not utf8.len(value) then
      return report(path, "is not valid UTF-8; save the file as UTF-8")
    end
    return value
  end
end

---@param known string[]
---@return Checker
function M.choice(known)
  return function(value, path, report)
    for _, word in ipairs(known) do
      if value == word then
        return value
      end
    end
    if type(value) ~= "string" then
      return report(path,
        ("must be one of %s, is %s"):format(table.concat(known, ", "), kind_of(value)))
    end
    local near = M.nearest(value, known)
    return report(path, ("must be one of %s%s"):format(
      table.concat(known, ", "), near and ('; did you mean "%s"?'):format(near) or ""))
  end
end

---@return Checker
function M.boolean()
  return function(value, path, report)
    if type(value) ~= "boolean" then
      return report(path, "must be true or false, is " .. kind_of(value))
    end
    return value
  end
end

---@param least integer
---@param most integer
---@return Checker
function M.integer(least, most)
  return function(value, path, report)
    local number = math.type(value) and math.tointeger(value)
    if not number then
      local quoted = type(value) == "string" and tonumber(value)
        and "; write it without quotes" or ""
      return report(path, "must be a whole number, is " .. kind_of(value) .. quoted)
    elseif number < least or number > most then
      return report(path, ("must be between %d and %d, is %d"):format(least, most, number))
    end
    return number
  end
end

-- A duration: a number of seconds.
---@return Checker
function M.seconds(least, most)
  return function(value, path, report)
    if type(value) ~= "number" then
      return report(path, "must be a number of seconds, is " .. kind_of(value))
    elseif not (value >= least and value <= most) then
      return report(path, ("must be between %g and %g seconds, is %g"):format(least, most, value))
    end
    return value
  end
end

local units = { B = 1, KiB = 2 ^ 10, MiB = 2 ^ 20, GiB = 2 ^ 30, TiB = 2 ^ 40 }

-- A size with a unit, a whole number of MiB; given back in the largest unit that divides it, as the
-- natives do.
---@return Checker
function M.size()
  return function(value, path, report)
    if type(value) == "number" then
      return report(path, 'must be text with a unit, as in "3GiB" or "33280MiB"')
    elseif type(value) ~= "string" then
      return report(path, "must be text with a unit, is " .. kind_of(value))
    end
    local number, unit = value:match("^%s*(%d+%.?%d*)%s*(%a+)%s*$")
    if not number or not units[unit] then
      local near = unit and unit:sub(1, 1):upper() .. "iB"
      return report(path, ("must be a number with the unit KiB, MiB, GiB or TiB%s"):format(
        units[near] and ('; did you mean "%s%s"?'):format(number, near) or ""))
    end
    local mebibytes = tonumber(number) * units[unit] / units.MiB
    local whole = math.tointeger(mebibytes)
    if not whole or whole < 1 then
      return report(path, "must be a whole number of MiB")
    elseif whole % 1024 == 0 then
      return ("%dGiB"):format(whole // 1024)
    end
    return ("%dMiB"):format(whole)
  end
end

-- Text of a form; `normalise` makes one spelling of it.
---@param pattern string
---@param what string as in "four hexadecimal digits"
---@param normalise (fun(text: string): string)?
---@return Checker
function M.pattern(pattern, what, normalise)
  return function(value, path, report)
    if type(value) ~= "string" then
      return report(path, ("must be %s, is %s"):format(what, kind_of(value)))
    elseif not value:find(pattern) then
      return report(path, "must be " .. what)
    end
    return normalise and normalise(value) or value
  end
end

-- secret "name": never the secret itself.
---@return Checker
function M.secret()
  return function(value, path, report)
    if type(value) == "string" then
      return report(path, 'a password does not stand here; write secret "name" and keep it in an'
        .. " owner-only file or in the environment as TAKEOVER_SECRET_NAME")
    elseif type(value) ~= "table" or type(value.secret) ~= "string" then
      return report(path, 'must be secret "name", is ' .. kind_of(value))
    end
    return value
  end
end

-- A list; `least`: entries it must have.
---@param checker Checker
---@param least integer?
---@return Checker
function M.list(checker, least)
  local function check(value, path, report)
    if type(value) ~= "table" then
      return report(path, "must be a list in { }, is " .. kind_of(value))
    end
    local result = {}
    for _, key in ipairs(sorted_keys(value)) do
      if math.type(key) ~= "integer" or key < 1 or key > #value then
        report(below(path, key), "does not belong in a list; write { { ... }, { ... } }")
      end
    end
    for i, entry in ipairs(value) do
      result[i] = checker(entry, below(path, i), report)
    end
    if #value < (least or 0) then
      report(path, "must not be empty")
    end
    return result
  end
  parts[check] = { entry = checker, below = "[]" }
  return check
end

-- A table with keys that the administrator chooses.
---@param key Checker
---@param checker Checker
---@return Checker
function M.map(key, checker)
  local function check(value, path, report)
    if type(value) ~= "table" then
      return report(path, "must be a table, is " .. kind_of(value))
    end
    local result = {}
    for _, name in ipairs(sorted_keys(value)) do
      local here = below(path, name)
      local clean = key(name, here, report)
      local entry = checker(value[name], here, report)
      if clean ~= nil and result[clean] ~= nil then
        report(here, "stands here twice (capital letters do not count)")
      elseif clean ~= nil then
        result[clean] = entry
      end
    end
    return result
  end
  parts[check] = { entry = checker, below = ".NAME" }
  return check
end

---@class Field
---@field [1] Checker
---@field required boolean?
---@field default any

local function table_copy(t)
  local copy = {}
  for key, value in pairs(t) do
    copy[key] = value
  end
  return copy
end

-- A table with known keys. `fields[name] = { checker, required = true, default = value }`.
---@param fields table<string, Field>
---@return Checker
function M.record(fields)
  local known = sorted_keys(fields)
  local function check(value, path, report)
    if type(value) ~= "table" then
      return report(path, "must be a table, is " .. kind_of(value))
    end
    local result, unknown = {}, {}
    for _, key in ipairs(sorted_keys(value)) do
      if not fields[key] then
        if type(key) == "string" then
          unknown[key] = true
          report(below(path, key), "there is no such key" .. M.suggestion(key, known))
        else
          report(below(path, key), "needs a name; known are " .. table.concat(known, ", "))
        end
      end
    end
    for _, name in ipairs(known) do
      local field = fields[name]
      if value[name] ~= nil then
        result[name] = field[1](value[name], below(path, name), report)
      elseif field.required then
        local near
        for key in pairs(unknown) do -- a misspelt key is one mistake, not two
          near = near or M.nearest(key, known) == name
        end
        if not near then
          report(path, ("the key %s is missing"):format(name))
        end
      else
        local default = field.default
        result[name] = type(default) == "table" and table_copy(default) or default
      end
    end
    return result
  end
  parts[check] = { fields = fields }
  return check
end

-- Every key below a checker, with the dots, "[]" for the entries of a list and NAME for the names
-- that an administrator chooses: vms.NAME.gpus[].id. Only keys that hold a value, not tables.
---@param checker Checker
---@return { key: string, required: boolean, default: any }[] in the order of their names
function M.keys(checker)
  local list = {}
  local function walk(part, key, field)
    local inner = parts[part]
    if not inner then
      local default = field.default
      if type(default) == "table" then
        default = nil
      end
      list[#list + 1] = { key = key, required = field.required or false, default = default }
    elseif inner.entry then
      walk(inner.entry, key .. inner.below, field)
    else
      for _, name in ipairs(sorted_keys(inner.fields)) do
        local below_it = inner.fields[name]
        walk(below_it[1], (key == "" and "" or key .. ".") .. name, below_it)
      end
    end
  end
  walk(checker, "", {})
  return list
end

return M
