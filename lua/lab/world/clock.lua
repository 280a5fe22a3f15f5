-- Events of the simulated cluster: what takes time is put off, and happens in the order of its
-- time.
--
-- An event is one small table that names a plain function and up to four arguments, so that nothing
-- allocates closures; the order is time, then age, so that nothing depends on chance.
local M = {}
M.__index = M

---@param source { now: fun(): number } the only source of time, seconds
function M.new(source)
  -- time: of the event that is being applied, or of the last advance
  return setmetatable({ source = source, time = source.now(), heap = {}, size = 0, age = 0 }, M)
end

local function earlier(a, b)
  return a.time < b.time or (a.time == b.time and a.age < b.age)
end

-- Calls fn(a, b, c, d) in `seconds`; at once when that is 0.
function M:after(seconds, fn, a, b, c, d)
  if seconds <= 0 then
    fn(a, b, c, d)
    return
  end
  self.age = self.age + 1
  local event = { time = self.time + seconds, age = self.age, fn = fn, a = a, b = b, c = c, d = d }
  local heap, i = self.heap, self.size + 1
  self.size = i
  while i > 1 do
    local up = i // 2
    if not earlier(event, heap[up]) then
      break
    end
    heap[i] = heap[up]
    i = up
  end
  heap[i] = event
end

local function pop(self)
  local heap, size = self.heap, self.size
  local top, last = heap[1], heap[size]
  heap[size] = nil
  size = size - 1
  self.size = size
  if size == 0 then
    return top
  end
  local i = 1
  while true do
    local child = 2 * i
    if child > size then
      break
    end
    if child < size and earlier(heap[child + 1], heap[child]) then
      child = child + 1
    end
    if not earlier(heap[child], last) then
      break
    end
    heap[i] = heap[child]
    i = child
  end
  heap[i] = last
  return top
end

-- Applies everything that is due.
function M:advance()
  local now, heap = self.source.now(), self.heap
  local event = heap[1]
  while event and event.time <= now do
    pop(self)
    self.time = event.time
    event.fn(event.a, event.b, event.c, event.d)
    event = heap[1]
  end
  if now > self.time then
    self.time = now
  end
end

---@return number? time of the next event
function M:next_event()
  local top = self.heap[1]
  return top and top.time
end

return M
