-- Text for an HTML page. Whatever comes from outside (names, labels, the words of a host) goes
-- through `text` on its way into a page, so that it is read, never obeyed.
local M = {}

local ENTITIES = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}
local REPLACEMENT = "\u{FFFD}"
-- C1, and marks that change the direction of writing.
local ACTING = {
  "\u{061c}", "\xc2[\x80-\x9f]", "\xe2\x80[\x8e\x8f\xa8-\xae]", "\xe2\x81[\xa6-\xa9]",
}

-- Bytes that are no UTF-8 become replacement characters.
local function valid(text)
  if utf8.len(text) then
    return text
  end
  local parts, at = {}, 1
  while at <= #text do
    local _, bad = utf8.len(text, at)
    parts[#parts + 1] = text:sub(at, (bad or #text + 1) - 1)
    if bad then
      parts[#parts + 1] = REPLACEMENT
    end
    at = (bad or #text) + 1
  end
  return table.concat(parts)
end

-- For content and for attributes in double quotes. Control characters, which HTML does not allow,
-- and marks that change the direction of writing become replacement characters.
---@param value any
---@return string
function M.text(value)
  if value == nil then
    return ""
  end
  local text = valid(tostring(value))
  for _, acting in ipairs(ACTING) do
    text = text:gsub(acting, REPLACEMENT)
  end
  text = text:gsub("[%c\127]", function(char)
    return (char == "\n" or char == "\t") and " " or REPLACEMENT
  end)
  return (text:gsub("[&<>\"']", ENTITIES))
end

-- The beginning of a text that takes no more than so many columns; what is cut off is said by an
-- ellipsis.
---@return string
function M.short(text, columns)
  local width = require("cli.output").width
  text = valid(text)
  if width(text) <= columns then
    return text
  end
  local parts, used = {}, 0
  for _, code in utf8.codes(text) do
    local char = utf8.char(code)
    used = used + width(char)
    if used > columns - 1 then
      break
    end
    parts[#parts + 1] = char
  end
  return table.concat(parts) .. "\u{2026}"
end

return M
