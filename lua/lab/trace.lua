-- How a trace tells what the engine reports of a run: a line for each end of a step and each note.
-- Scenarios and the explorer tell it alike.
local M = {}

---@param node string where the run is
---@param event table of the engine's listener
---@return string? text without the time; nil: nothing to tell
function M.of_event(node, event)
  if event.kind == "step_end" or event.kind == "undo_end" then
    local word = event.kind == "undo_end" and event.state == "failed" and "undo failed"
      or event.state
    return ("%-4s %-11s %s%s"):format(node, word, event.step,
      event.reason and word ~= "already" and ": " .. event.reason or "")
  elseif event.kind == "note" then
    return ("%-4s note        %s"):format(node, event.text)
  end
end

-- One line of a trace: the time, and what happened.
---@param seconds number since the beginning
---@param text string
---@return string
function M.line(seconds, text)
  return ("%9.2f  %s"):format(seconds, (text:gsub("%s*\n%s*", " | ")))
end

return M
