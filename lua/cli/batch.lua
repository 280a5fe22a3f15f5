-- The text of batch files: quoting for cmd.exe and for the program that it starts, and the code
-- page that cmd.exe reads them in.
local console = require("console")
local failure = require("failure")

local M = {}

-- One argument of a command. cmd.exe expands %, also between quotes; the program's runtime takes
-- \" for a quote, so that backslashes at the end are doubled.
---@param text string
---@return string
function M.quote(text)
  if text:find('["%c]') then
    failure.raise({
      code = "USAGE",
      message = "a quotation mark or a control character cannot stand in a batch file: " .. text,
    })
  end
  local doubled = text:gsub("%%", "%%%%")
  if text ~= "" and not text:find("[^%w_.:\\/%-]") then
    return doubled
  end
  return '"' .. doubled:gsub("\\+$", "%0%0") .. '"'
end

-- The same for a path, which is always quoted.
---@param path string
---@return string
function M.quote_path(path)
  local quoted = M.quote(path)
  return quoted:sub(1, 1) == '"' and quoted or '"' .. quoted:gsub("\\+$", "%0%0") .. '"'
end

-- The bytes of a batch file. cmd.exe reads it in the console's code page: where that is UTF-8, or
-- is not known on this computer, the file switches to UTF-8 before the first character that needs
-- it. Raises USAGE for a character that the code page does not have.
---@param lines string[]
---@param code_page string a word of console.is_code_page
---@return string
function M.text(lines, code_page)
  local copy = table.move(lines, 1, #lines, 1, {})
  local text = table.concat(copy, "\r\n") .. "\r\n"
  if not text:find("[\x80-\xff]") then
    return text
  end
  local bytes = console.encode(text, code_page)
  if bytes == text then -- UTF-8 it is
    table.insert(copy, 2, "chcp 65001 >nul")
    return table.concat(copy, "\r\n") .. "\r\n"
  elseif console.decode(bytes, code_page) ~= text then
    failure.raise({
      code = "USAGE",
      message = ("the code page %s does not have every character of these names"):format(code_page),
      hint = "use another one, as --code-page utf-8, or names that it has",
    })
  end
  return bytes
end

return M
