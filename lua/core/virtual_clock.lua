-- A scheduler driver whose time jumps to the next event: hours pass in milliseconds, the same
-- way every time.
local M = {}

local NOBODY = {} -- no coroutine is woken here

-- `world` (may be nil) has next_event() -> time of its next event or nil, and advance(), which
-- applies what is due.
function M.new(start, world)
  local time = start or 0
  local clock = {}
  function clock.now()
    return time
  end
  function clock.wait(until_time)
    local event = world and world:next_event()
    local target = until_time
    if event and (not target or event < target) then
      target = event
    end
    if not target then
      return NOBODY, false
    end
    time = math.max(time, target)
    if world then
      world:advance()
    end
    return NOBODY, true
  end
  return clock
end

return M
