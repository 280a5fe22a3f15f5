-- Reads the variables that a batch file sets: lines `set NAME=VALUE` and `set "NAME=VALUE"`, with
-- %NAME% of earlier lines put in. What else stands in it is passed over.
local M = {}

local COUNT_MAX = 1000

-- As cmd.exe does it: names do not know capital letters, %% is a percent sign, and what is not set
-- here stays as it is written.
local function expand(text, values)
  return (text:gsub("%%([^%%%s]*)%%", function(name)
    if name == "" then
      return "%"
    end
    return values[name:lower()]
  end))
end

-- The name and the value of a line, nil when it sets nothing. cmd.exe keeps blanks around both;
-- they are never meant.
local function read_line(line)
  local rest = line:match("^%s*@?%s*[sS][eE][tT]%s+(.*)$")
  if not rest or rest:find("^/[aApP]") then
    return nil
  end
  local name, value = rest:match('^"%s*([^="]-)%s*=(.*)"%s*$')
  if not name then
    name, value = rest:match("^%s*([^=]-)%s*=(.*)$")
  end
  if not name or name == "" then
    return nil
  end
  value = value:match("^%s*(.-)%s*$")
  return name, value:match('^"(.*)"$') or value
end

---@param text string UTF-8
---@return { name: string, value: string, line: integer }[] in their order; the last one counts
function M.variables(text)
  local list, values, at, number = {}, {}, {}, 0
  for line in (text:gsub("\r\n?", "\n") .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    local name, value = read_line(line)
    if name and #list < COUNT_MAX then
      value = expand(value, values)
      local key = name:lower()
      values[key] = value
      at[key] = at[key] or #list + 1
      list[at[key]] = { name = name, value = value, line = number }
    end
  end
  return list
end

return M
