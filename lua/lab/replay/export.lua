-- Writes a recorded run as a scenario: the record beside it, and a file of Lua that plays it and
-- says how it must end.
local exit_codes = require("core.exit_codes")
local fs = require("fs")
local json = require("json")

local M = {}

-- Where it was made is nobody's business who gets the file.
local private = { host = true, pid = true, where = true, traceback = true }

local function cleaned(row)
  local copy = {}
  for key, value in pairs(row) do
    if not private[key] then
      copy[key] = key == "failure" and type(value) == "table" and cleaned(value) or value
    end
  end
  return copy
end

-- One row in a line, so that records can be compared and kept with the sources.
local function record_text(record)
  local lines = { '{"run":' .. json.encode(cleaned(record.run)) }
  for _, key in ipairs({ "steps", "calls", "notes" }) do
    local rows = {}
    for i, row in ipairs(record[key]) do
      rows[i] = json.encode(cleaned(row))
    end
    lines[#lines + 1] = (',"%s":[\n%s]'):format(key, table.concat(rows, ",\n"))
  end
  return table.concat(lines, "\n") .. "}\n"
end

local function exit_of(run)
  return run.ended and exit_codes.name(run.exit_code) or "killed"
end

-- Steps that ended, as entries of expect's `steps`. Undone ones are told by their own steps.
local function step_lines(record)
  local lines, seen = {}, {}
  for _, step in ipairs(record.steps) do
    if step.state and not step.name:find("^undo: ") and not seen[step.name] then
      seen[step.name] = true
      lines[#lines + 1] = ("    [%q] = %q,"):format(step.name, step.state)
    end
  end
  return lines
end

local function scenario_text(record, record_file)
  local run = record.run
  local exit = exit_of(run)
  local day = os.date("%Y-%m-%d", math.floor(run.began))
  local lines = {
    ("-- Run %d of a journal, %s, written by takeover replay --export."):format(run.id, day),
    ("story %q"):format(("%s of %s on %s, as it was on %s, ends with %s"):format(run.command,
      run.vm or "?", run.node, day, exit)),
    "",
    ("local run = recorded %q"):format(record_file),
    "expect(run, {",
    ("  exit = %q,"):format(exit),
  }
  if type(run.failure) == "table" then
    lines[#lines + 1] = ("  code = %q,"):format(run.failure.code)
  end
  lines[#lines + 1] = "  steps = {"
  table.move(step_lines(record), 1, #record.steps, #lines + 1, lines)
  lines[#lines + 1] = "  },"
  lines[#lines + 1] = "})"
  return table.concat(lines, "\n") .. "\n"
end

-- Writes `path` and, beside it, the record.
---@param record Record
---@param path string ends with .lua
---@return string record_path
function M.write(record, path)
  local record_path = path:gsub("%.lua$", "") .. ".record.json"
  fs.write(record_path, record_text(record))
  fs.write(path, scenario_text(record, record_path:match("[^/\\]+$")))
  return record_path
end

return M
