-- What people and programs read. Results go to stdout: lines and tables, or one JSON document.
-- Progress goes to stderr, one line that is rewritten, on a terminal only. Everything passes the
-- redaction of secrets. Where no terminal reads it, text is in the code page that console programs
-- of this system are expected to write (JSON is UTF-8), and what EXPRESSCLUSTER keeps in its log
-- has a limited number of lines.
local console = require("console")
local loop = require("loop")

local M = {}

local STDOUT, STDERR = 1, 2
M.LINES = 200 -- in the log of EXPRESSCLUSTER's script, for each run
local TICK = 0.2 -- seconds between two rewrites of the progress line
local codes = { bold = "1", dim = "2", red = "31", green = "32", yellow = "33", blue = "34" }

local state = { json = false, colour = false, live = false }
local progress -- { text, began } of the running step

local function redact(text)
  return require("log").redact(text)
end

local function wants_colour(choice)
  if choice == "always" then
    return true
  elseif choice == "never" or os.getenv("NO_COLOR") or os.getenv("TERM") == "dumb" then
    return false
  end
  return loop.is_terminal(STDOUT)
end

-- A terminal is written to in UTF-8, which the platform makes it show.
local function automatic_code_page(stream)
  return loop.is_terminal(stream) and "utf-8" or "system"
end

-- colour: "auto", "always" or "never". code_page: of text that is not JSON; nil: as said above.
-- lines: at most so many, 0 for no limit; never of a JSON document.
---@param options { json: boolean?, colour: string?, code_page: string?, lines: integer? }
function M.configure(options)
  state.json = options.json or false
  state.colour = not state.json and wants_colour(options.colour or "auto")
  state.live = loop.is_terminal(STDERR) and os.getenv("TERM") ~= "dumb"
  console.configure({
    stdout = state.json and "utf-8" or options.code_page or automatic_code_page(STDOUT),
    stderr = options.code_page or automatic_code_page(STDERR),
    lines = state.json and 0 or options.lines or 0,
  })
end

-- The settings that the command line, the environment and the parameters ask for. The number of
-- lines is limited where EXPRESSCLUSTER runs us, or where it was asked for.
---@param arguments table parsed command line
---@param wanted { code_page: string?, lines: integer? }? `console` of the parameters, once read
function M.adapt(arguments, wanted)
  local code_page = os.getenv("TAKEOVER_CODE_PAGE")
  local in_cluster = require("ecx").environment().under_cluster
  M.configure({
    json = arguments.json, colour = arguments.colour,
    code_page = arguments.code_page or (code_page ~= "" and code_page)
      or (wanted and wanted.code_page),
    lines = arguments.max_lines or (in_cluster and (wanted and wanted.lines or M.LINES)) or 0,
  })
end

function M.is_json()
  return state.json
end

---@param colour "bold"|"dim"|"red"|"green"|"yellow"|"blue"
function M.paint(text, colour)
  if not state.colour or not colour then
    return text
  end
  return "\27[" .. codes[colour] .. "m" .. text .. "\27[0m"
end

---- widths ----------------------------------------------------------------------------------------

-- Ranges of characters that take two columns (East Asian Wide and Fullwidth, and pictographs).
local wide = {
  { 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0x33ff }, { 0x3400, 0x4dbf },
  { 0x4e00, 0x9fff }, { 0xa000, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
  { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1faff },
  { 0x20000, 0x3fffd },
}

local function is_wide(char)
  for _, range in ipairs(wide) do
    if char < range[1] then
      return false
    elseif char <= range[2] then
      return true
    end
  end
  return false
end

-- Columns that a text takes on a terminal; colours take none.
---@return integer
function M.width(text)
  text = text:gsub("\27%[[%d;]*m", "")
  if not utf8.len(text) then
    return #text
  end
  local columns = 0
  for _, char in utf8.codes(text) do
    columns = columns + (is_wide(char) and 2 or 1)
  end
  return columns
end

---@return string
function M.pad(text, columns)
  return text .. (" "):rep(columns - M.width(text))
end

-- Seconds for people: "4.2 ms", "40 ms", "1.2 s", "2 min 05 s".
---@return string
function M.duration(seconds)
  if seconds < 0.00995 then
    return ("%.1f ms"):format(seconds * 1000)
  elseif seconds < 0.0995 then
    return ("%.0f ms"):format(seconds * 1000)
  elseif seconds < 60 then
    return ("%.1f s"):format(seconds)
  end
  local whole = math.floor(seconds + 0.5)
  return ("%d min %02d s"):format(whole // 60, whole % 60)
end

---- stdout ----------------------------------------------------------------------------------------

local function clear_progress()
  if progress and progress.shown then
    io.stderr:write("\r\27[K")
    progress.shown = false
  end
end

local function write(stream, text, last)
  clear_progress()
  console.write(stream, redact(text), last)
end

-- What is put into a line does not begin another one; nothing else in it acts either, by
-- console.write.
local function one_line(format, ...)
  local values = table.pack(...)
  for i = 1, values.n do
    if type(values[i]) == "string" and values[i] ~= "\n" then -- alone, it is an empty line
      values[i] = values[i]:gsub("[\r\n]", { ["\r"] = "\\r", ["\n"] = "\\n" })
    end
  end
  return values.n > 0 and format:format(table.unpack(values, 1, values.n)) or format
end

-- A line of the result for people; nothing with --json.
function M.line(format, ...)
  if not state.json then
    write("stdout", one_line(format, ...) .. "\n")
  end
end

-- Several lines of our own making, which may be empty ones.
function M.block(text)
  if not state.json then
    write("stdout", text .. "\n")
  end
end

-- A line that tells what came of a command: it is shown where the number of lines is limited, too.
function M.conclude(format, ...)
  if not state.json then
    write("stdout", one_line(format, ...) .. "\n", true)
  end
end

-- A line on stderr, whatever the form of the result; where the text has several, the others stand
-- under the first, so that none can be taken for a line of its own. last: it tells what came of the
-- command.
---@param last boolean?
function M.complain(text, last)
  write("stderr", text:gsub("\n", "\n  ") .. "\n", last)
end

-- Text on stdout, whatever its form: a document that is no JSON.
function M.text(text)
  write("stdout", text)
end

-- The JSON document of the result; nothing without --json.
function M.document(value)
  if state.json then
    write("stdout", require("json").encode(value, { pretty = true }) .. "\n")
  end
end

-- A table with aligned columns. Cells are text, numbers (to the right) or nil.
---@param header string[]
---@param rows any[][]
---@param options { indent: string?, colours: table<integer, fun(cell: string): string?>? }?
function M.table(header, rows, options)
  options = options or {}
  local widths, right = {}, {}
  for i, title in ipairs(header) do
    widths[i] = M.width(title)
    for _, row in ipairs(rows) do
      local cell = row[i] == nil and "" or one_line("%s", tostring(row[i]))
      widths[i] = math.max(widths[i], M.width(cell))
      right[i] = right[i] or type(row[i]) == "number"
    end
  end
  local function show(cells, paint)
    local parts = {}
    for i = 1, #header do
      local text = cells[i] == nil and "" or one_line("%s", tostring(cells[i]))
      local gap = (" "):rep(widths[i] - M.width(text))
      local colour = paint(i, text)
      parts[i] = right[i] and gap .. M.paint(text, colour) or M.paint(text, colour) .. gap
    end
    M.line("%s", (options.indent or "") .. (table.concat(parts, "  "):gsub("%s+$", "")))
  end
  show(header, function()
    return "bold"
  end)
  for _, row in ipairs(rows) do
    show(row, function(i, text)
      local choose = options.colours and options.colours[i]
      return choose and choose(text, row) or nil
    end)
  end
end

---- progress --------------------------------------------------------------------------------------

local function rewrite()
  local line = ("  ...     %s   %.0f s"):format(progress.text, loop.now() - progress.began)
  if progress.reason and progress.reason ~= "" then
    line = line .. "   " .. progress.reason
  end
  line = require("log").escape(redact(line))
  local columns = math.tointeger(tonumber(os.getenv("COLUMNS") or "")) or 80
  while M.width(line) >= columns and #line > 0 do
    line = line:sub(1, (utf8.offset(line, -1) or 1) - 1)
  end
  io.stderr:write("\r\27[K", line)
  io.stderr:flush()
  progress.shown = true
end

-- Shows what is being done now, and for how long, until the next call; nil ends it. Nothing where
-- stderr is no terminal.
---@param text string?
---@param reason string? what is waited for
function M.progress(text, reason)
  if not state.live then
    return
  end
  clear_progress()
  if not text then
    progress = nil
    return
  end
  local fresh = not progress
  if progress and progress.text == text then
    progress.reason = reason
  else
    progress = { text = text, reason = reason, began = loop.now() }
  end
  if fresh then
    local scheduler = require("core.scheduler")
    if scheduler.current() then
      scheduler.spawn(function()
        while progress do
          rewrite()
          scheduler.sleep(TICK)
        end
      end)
    end
  end
end

return M
