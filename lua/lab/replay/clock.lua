-- A scheduler driver whose waits end when those of a recorded run ended: in the same order, and
-- those of one round of the run's loop together, because what they set off came after all of them.
local M = {}

local function earlier(a, b)
  return a.time < b.time or a.time == b.time and a.index < b.index
end

-- start: the run's first moment. What ends a wait is an event: { time, turn (round of the loop) }.
function M.new(start)
  local time, count, events = start, 0, {}
  local clock = { on_idle = nil, signal = nil }

  local function add(event)
    count = count + 1
    event.index = count
    events[#events + 1] = event
  end

  local function first()
    local found
    for _, event in ipairs(events) do
      if not found or earlier(event, found) then
        found = event
      end
    end
    return found
  end

  -- Takes out the events of one round, in order.
  local function take(turn)
    local taken, left = {}, {}
    for _, event in ipairs(events) do
      local list = event.turn == turn and taken or left
      list[#list + 1] = event
    end
    table.sort(taken, earlier)
    events = left
    return taken
  end

  function clock.now()
    return time
  end

  function clock.advance(to)
    time = math.max(time, to)
  end

  -- The running coroutine is resumed when the recorded call ended.
  function clock.wait_for_answer(ended, turn)
    add({ time = ended, turn = turn, co = coroutine.running() })
    coroutine.yield()
  end

  -- A sleep ends then.
  function clock.sleeps_until(woke, turn)
    add({ time = woke, turn = turn })
  end

  -- The signal by which the run was told to end.
  function clock.interrupt_at(when, turn, name)
    add({ time = when, turn = turn, signal = name })
  end

  function clock.interrupted()
    return clock.signal
  end

  function clock.wait(until_time)
    local event = first()
    if event and (not until_time or event.time <= until_time) then
      local woken = {}
      for _, due in ipairs(take(event.turn)) do
        time = math.max(time, due.time)
        woken[#woken + 1] = due.co
        clock.signal = due.signal or clock.signal
      end
      return woken, true
    elseif until_time then
      time = math.max(time, until_time)
      return {}, true
    end
    clock.on_idle()
    return {}, true
  end

  return clock
end

return M
