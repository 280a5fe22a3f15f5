-- What taking a device costs, by its own history: how long its last connections took, in seconds,
-- and a penalty for each that failed. Only a tie is decided by it (docs/placement.md), so that a
-- device which is slow or fails now and then is taken when nothing better is there.
local M = {}

local LAST = 5 -- connections of a device that count
local ROWS = 500 -- of the journal that are looked at
local PENALTY = 60 -- seconds for a connection that failed

-- rows: of Journal:device_times, newest first.
---@param rows { device: string, state: string, took: number }[]
---@return table<string, number> by device
function M.of(rows)
  local seen, costs = {}, {}
  for _, row in ipairs(rows) do
    local times = seen[row.device] or {}
    seen[row.device] = times
    if #times < LAST then
      times[#times + 1] = row.state == "done" and row.took or PENALTY
    end
  end
  for id, times in pairs(seen) do
    local sum = 0
    for _, seconds in ipairs(times) do
      sum = sum + seconds
    end
    costs[id] = sum / #times
  end
  return costs
end

-- From a journal; nothing where it has none or cannot be read, because that must keep nobody from
-- starting.
---@param journal Journal?
---@return table<string, number>
function M.from(journal)
  if not journal then
    return {}
  end
  local ok, rows = require("loop").guard(journal.device_times, journal, ROWS)
  return ok and M.of(rows) or {}
end

return M
