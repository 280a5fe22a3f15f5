-- The natives of a replay: they answer what the record says, each branch of the run from its own
-- list of calls, and stop where the sequence asks something else.
local failure = require("failure")
local json = require("json")
local recorder = require("failover.engine.recorder")
local scheduler = require("core.scheduler")

local M = {}

local Answers = {}
Answers.__index = Answers

-- A call in words: hyperv:vm("vme2") on ms1
function M.describe(native, verb, target, request)
  local words = {}
  for i, argument in ipairs(type(request) == "table" and request or {}) do
    words[i] = json.encode(argument)
  end
  local on = target and target ~= native and " on " .. target or ""
  return ("%s:%s(%s)%s"):format(native, verb, table.concat(words, ", "), on)
end

local function describe_row(row)
  return M.describe(row.native, row.verb, row.target, row.request)
end
M.describe_row = describe_row

---@param calls table[] of the record, in the order in which they ended
---@param clock table lab.replay.clock
---@param options { open_ended: boolean, diverge: fun(text: string) } open_ended: the run was killed
function M.new(calls, clock, options)
  local self = setmetatable({
    queues = {}, clock = clock, open_ended = options.open_ended, diverge = options.diverge,
    asked = 0,
  }, Answers)
  for _, row in ipairs(calls) do
    local branch, extra = row.branch or "", row.extra or {}
    local queue = self.queues[branch] or { next = 1 }
    self.queues[branch] = queue
    queue[#queue + 1] = { row = row, hits = extra.hits or 0, woke = extra.woke or {}, slept = 0 }
  end
  return self
end

-- What the running branch asked next in the recorded run.
local function upcoming(self)
  local task = scheduler.current()
  local queue = self.queues[task and task.branch or ""]
  return queue and queue[queue.next], queue
end

-- For Observer.fresh: as many looks are answered without a call as were then. After the last call
-- of a branch all were, unless the run was killed there.
function Answers:fresh(otherwise)
  local entry = upcoming(self)
  if not entry then
    return not self.open_ended or otherwise
  end
  entry.hits = entry.hits - 1
  return entry.hits >= 0
end

-- For the scheduler: when a sleep of this task ends.
function Answers:wakes(task, due)
  local queue = self.queues[task.branch or ""]
  local entry = queue and queue[queue.next]
  local woke = entry and entry.woke[entry.slept + 1]
  if not woke then
    return due
  end
  local turn = entry.woke[entry.slept + 2]
  entry.slept = entry.slept + 2
  if turn == 0 then -- it was cancelled, and will be
    return due
  end
  self.clock.sleeps_until(woke, turn)
  return woke
end

local function same_request(a, b)
  if a == nil or b == nil then
    return a == b
  end
  local text = json.encode(a)
  return text == json.encode(b) or json.encode(json.decode(text)) == json.encode(b)
end

-- Failures come back as they were raised, whatever fields they have.
local function raise(recorded)
  if type(recorded) ~= "table" or not failure.codes[recorded.code] then
    failure.raise({ code = "INTERNAL", message = "the record has a failure that cannot be read: "
      .. tostring(recorded) })
  end
  local failed = failure.new({ code = recorded.code, message = recorded.message or "" })
  for key, value in pairs(recorded) do
    failed[key] = value
  end
  error(failed, 0)
end

-- Ends the replay; the running branch never goes on.
local function stop(self, ...)
  self.diverge(string.format(...))
  coroutine.yield()
end

function Answers:call(native, verb, target, request)
  local entry, queue = upcoming(self)
  local asked = M.describe(native, verb, target, request)
  if not entry then
    if self.open_ended then -- the run was killed here
      coroutine.yield()
    end
    stop(self, "the sequence asks something that the run did not ask: %s, after the last call that "
      .. "the run made there", asked)
  end
  local row = entry.row
  if row.native ~= native or row.verb ~= verb or row.target ~= target
    or not same_request(request, row.request) then
    stop(self, "the sequence asks something that the run did not ask: %s, where the run asked %s",
      asked, describe_row(row))
  end
  queue.next = queue.next + 1
  self.asked = self.asked + 1
  local extra = row.extra or {}
  if extra.turn then
    self.clock.wait_for_answer(row.began + row.took, extra.turn)
  end
  if row.failure then
    raise(row.failure)
  end
  return row.answer, extra.more
end

-- The earliest recorded call that was not asked; nil when all were.
function Answers:left()
  local found
  for _, queue in pairs(self.queues) do
    local entry = queue[queue.next]
    if entry and (not found or entry.row.began < found.began) then
      found = entry.row
    end
  end
  return found
end

---- the natives' Lua interface --------------------------------------------------------------------

local function handle(self, native, target)
  local entry = upcoming(self)
  local row = entry and entry.row
  if row and row.verb == "open" and row.native == native and row.target == target then
    self:call(native, "open", target)
  end
  return setmetatable({ close = function() end }, {
    __index = function(_, verb)
      return function(_, first, second, third)
        return self:call(native, verb, target, recorder.request_of(first, second, third))
      end
    end,
  })
end

local Connection = {}
Connection.__index = Connection

function Connection:namespace()
  return self
end

function Connection:close() end

-- For context.open{ natives = ... }.
function Answers:natives()
  local natives = {
    eem = function()
      return handle(self, "eem", "eem")
    end,
    wmi = function(_, node)
      return setmetatable({ node = node }, Connection)
    end,
    cluster = function()
      return handle(self, "cluster", "cluster")
    end,
  }
  for _, native in ipairs({ "hyperv", "pnp", "files" }) do
    natives[native] = function(connection)
      return handle(self, native, connection.node)
    end
  end
  return natives
end

return M
