-- What came of a run, in words for people whom it wakes at night: what happened and to whom, what
-- is left of it, what to do. The terminal, EXPRESSCLUSTER's log, the Event Log and scenarios say
-- the same.
local failure = require("failure")

local M = {}

local GUID = "^%x+%-%x+%-%x+%-%x+%-%x+$"
local states = { refused = "was refused", cancelled = "was cancelled" }

-- Whom words are about, where a failure does not say it.
---@class About
---@field command string?
---@field vm string?
---@field node string?

-- " [sequences/start.lua:12]" for an error in a script whose message does not name it already.
local function place(failed)
  local where = failed.source == "script" and failed.where
  if where and not failed.message:find(where, 1, true) then
    return " [" .. where .. "]"
  end
  return ""
end

-- What happened, and to whom: "start of vme2 on ms1 failed", "ms2: access denied (WMI_ACCESS)".
---@param about About
---@param result table of failover.engine.run, with a failure
---@return string head, string reason
function M.what(about, result)
  local failed = result.failure
  return ("%s of %s on %s %s"):format(about.command, about.vm, about.node,
    states[result.state] or "failed"),
    ("%s%s (%s)"):format(failure.text(failed), place(failed), failed.code)
end

-- What to do, as the failure says it, else as the table of codes has it; nil where no cure is
-- known.
---@param failed table
---@param about About
---@return string?
function M.remedy(failed, about)
  local known = failure.codes[failed.code]
  local remedy = failed.hint or known and known.remedy
  if not remedy then
    return nil
  end
  local names = {
    node = failed.node or about.node or "NODE", vm = about.vm or "NAME",
    target = failed.target or "it", id = (failed.target or ""):match(GUID) or "ID",
  }
  return (remedy:gsub("{(%l+)}", names))
end

-- What to do about a run's failure: where no cure is known, all that is known of the run.
---@param about About
---@param result table
---@return string?
function M.todo(about, result)
  return M.remedy(result.failure, about)
    or result.run and ("takeover history --run %d shows every call"):format(result.run)
end

local function list_of(kept)
  local texts = {}
  for i, entry in ipairs(kept) do
    texts[i] = entry.text or ('what "%s" did'):format(entry.step)
  end
  return table.concat(texts, "; ")
end

local function not_undone(result)
  local said = result.committed
    and ('Past the point of no return ("%s"): left as it is.'):format(result.committed)
  local left = {}
  for _, entry in ipairs(result.undo) do
    if entry.state ~= "undone" then
      left[#left + 1] = '"' .. entry.name .. '"'
    end
  end
  local failed = #left > 0 and "NOT everything is undone: " .. table.concat(left, ", ") .. "."
  return said and failed and said .. " " .. failed or said or failed or ""
end

-- In which state a failed run has left the world.
---@param result table
---@return string
function M.aftermath(result)
  local kept = result.kept or {}
  local says_kept = #kept > 0 and "Kept: " .. list_of(kept) .. "."
  if result.undone == nil then
    return "Nothing was changed."
  elseif not result.undone then
    return not_undone(result) .. (says_kept and " " .. says_kept or "")
  elseif not says_kept then
    return "Everything that this run changed is undone."
  elseif #result.undo == 0 then
    return says_kept
  end
  return "Everything else that this run changed is undone. " .. says_kept
end

-- All of it in one line, for logs. What to do comes first of what may be cut off.
---@param about About
---@param result table
---@param code integer the exit code
---@return string
function M.line(about, result, code)
  local head, reason = M.what(about, result)
  local todo = M.todo(about, result)
  return ("%s with exit code %d: %s. %s%s"):format(head, code, reason,
    todo and "What to do: " .. todo .. ". " or "", M.aftermath(result))
end

return M
