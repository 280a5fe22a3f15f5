-- Plays one scenario: a file that tells a story of a cluster, on virtual time, with the real
-- engine and sequences. docs/scenarios.md describes the words. After every call to the outside, and
-- after every command, the safety rules of the design are checked; the first broken one ends the
-- story.
local cluster = require("lab.story.cluster")
local expected = require("lab.story.expected")
local failure = require("failure")
local loop = require("loop")
local place = require("lab.story.place")
local random = require("lab.explorer.random")
local scheduler = require("core.scheduler")
local traces = require("lab.trace")
local virtual_clock = require("core.virtual_clock")
local vocabulary = require("lab.story.vocabulary")

local M = {}

local STUCK = 1 -- seconds of real time that a sequence may compute without waiting

---@class Story
---@field path string of its file
---@field title string? its sentence
---@field trace string[] what happened, one line each
---@field broken string? the first thing that went wrong
local Story = {}

-- A story that names no cluster plays in the shipped one.
function Story:__index(key)
  if key == "world" or key == "parameters" then
    self:make_cluster({})
    return rawget(self, key)
  end
  return Story[key]
end

-- Ends the story, wherever in it this is said: a mistake in a trigger must not look like a failure
-- of the command that set it off.
function Story:complain(...)
  local text = place.of(self.path) .. string.format(...)
  self.broken = self.broken or text
  error(text, 0)
end

-- One line of the trace: time, and what happened.
function Story:tell(format, ...)
  self.trace[#self.trace + 1] = traces.line(scheduler.now() - self.began,
    string.format(format, ...))
end

function Story:check_world()
  local violations = self.world:violations()
  for i = self.seen_violations + 1, #violations do
    local violation = violations[i]
    self.seen_violations = i
    if not self.allowed[violation.id] then
      self.broken = self.broken or violation.id .. " is broken: " .. violation.text
    end
  end
  if self.broken then
    error(self.broken, 0)
  end
end

function Story:make_cluster(options)
  self.world, self.parameters = cluster.build(options, self.clock, function(...)
    self:complain(...)
  end, self.random)
  self.world.hook = function(call, moment)
    self:on_call(call, moment)
  end
end

-- ---- what happens in the middle ----------------------------------------------------------------

local of_calls = { "verb", "method", "path", "class" }
local pattern_fields = {
  verb = true, method = true, path = true, class = true, step = true, state = true, by = true,
  target = true, moment = true, times = true,
}

function Story:add_trigger(pattern, action)
  for key in pairs(pattern) do
    if not pattern_fields[key] then
      self:complain("when has no field %q", tostring(key))
    end
  end
  if type(action) ~= "function" then
    self:complain("when needs a function after its pattern")
  end
  table.insert(self.triggers, { pattern = pattern, action = action, left = pattern.times or 1 })
end

-- Does what a story says at some moment. What is wrong with that ends the story.
function Story:act(action)
  local ok, problem = loop.guard(action)
  if not ok then
    self.broken = self.broken or tostring(problem.code == "SCRIPT_ERROR" and problem.message
      or problem)
  end
end

local function text_matches(wanted, value)
  if value == nil then
    return false
  elseif wanted:sub(1, 1) == "~" then
    return value:find(wanted:sub(2)) ~= nil
  end
  return wanted:lower() == value:lower()
end

local function call_matches(pattern, call, moment)
  if (pattern.moment or "after") ~= moment then
    return false
  end
  if pattern.by and not call.actor.by:find(pattern.by, 1, true) then
    return false
  end
  if pattern.target and pattern.target ~= call.target then
    return false
  end
  local any = false
  for _, key in ipairs(of_calls) do
    if pattern[key] then
      any = true
      if not text_matches(pattern[key], call[key]) then
        return false
      end
    end
  end
  return any
end

-- Runs what waits for this moment. A trigger that kills the caller never comes back.
function Story:fire(trigger)
  trigger.left = trigger.left - 1
  self:act(trigger.action)
  local task = scheduler.current()
  if task and task.family.abandoned then
    coroutine.yield()
  end
end

function Story:on_call(call, moment)
  for _, trigger in ipairs(self.triggers) do
    if trigger.left > 0 and trigger.pattern.step == nil and call_matches(trigger.pattern, call,
      moment) then
      self:fire(trigger)
    end
  end
  if moment == "after" then
    self:check_world()
  end
end

function Story:on_event(run, event)
  local text = traces.of_event(run.node, event)
  if text then
    self:tell("%s", text)
  end
  if event.kind == "step_end" or event.kind == "undo_end" then
    for _, trigger in ipairs(self.triggers) do
      local pattern = trigger.pattern
      if trigger.left > 0 and pattern.step == event.step and (pattern.state
        or "done") == event.state
        and (not pattern.by or run.by:find(pattern.by, 1, true)) then
        self:fire(trigger)
      end
    end
  end
end

-- ---- playing -----------------------------------------------------------------------------------

local function tell_all(story, chunk)
  local fine, failed = loop.guard(chunk)
  if not fine then
    error(failed, 0)
  end
  for _, run in ipairs(story.runs) do
    run:wait()
  end
  story:check_world()
end

local function problem_text(story, problem)
  if story.broken then
    return story.broken
  elseif failure.is(problem) and problem.code == "SCRIPT_ERROR" then
    return problem.message
  end
  return tostring(problem)
end

-- A generator for this story alone: which others are played makes no difference to it.
local function luck_of(seed, path)
  local name = path:match("[^/\\]*$")
  for i = 1, #name do
    seed = seed * 31 + name:byte(i)
  end
  return random.generator(seed)
end

-- What people were told of each command that failed.
local function verdicts_of(story)
  local list = {}
  for _, run in ipairs(story.runs) do
    list[#list + 1] = run.failure and expected.verdict_of(run) or nil
  end
  return list
end

-- Plays a scenario file. Gives { path, title, passed, problem, trace (list of lines), seconds
-- (virtual), verdicts }. The problem of a failed one begins with the place in the file, where there
-- is one.
-- With a seed (an integer) things take other times than usual; the same seed, the same times.
function M.play(path, seed)
  local story
  local clock = virtual_clock.new(0, {
    next_event = function()
      return story.world:next_event()
    end,
    advance = function()
      story.world:advance()
    end,
  })
  story = setmetatable({
    path = path, clock = clock, began = 0, trace = {}, triggers = {}, runs = {}, allowed = {},
    seen_violations = 0, random = seed and luck_of(seed, path),
  }, Story)
  local chunk, problem = loadfile(path, "t", vocabulary.new(story))
  local ok = false
  if chunk then
    loop.watchdog(STUCK)
    ok, problem = scheduler.with_driver(clock, tell_all, story, chunk)
    loop.watchdog(0)
  end
  return {
    path = path, title = story.title or path, passed = ok,
    problem = not ok and problem_text(story, problem) or nil,
    trace = story.trace, seconds = clock.now(),
    verdicts = verdicts_of(story),
  }
end

return M
