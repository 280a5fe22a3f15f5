-- Mistakes and failed expectations, told with the scenario's own line.
local M = {}

-- The innermost line of the scenario that is being run, as "file:line: ", or "".
function M.of(path)
  for level = 2, 60 do
    local info = debug.getinfo(level, "Sl")
    if not info then
      break
    elseif info.source == "@" .. path then
      return string.format("%s:%d: ", path, info.currentline)
    end
  end
  return ""
end

return M
