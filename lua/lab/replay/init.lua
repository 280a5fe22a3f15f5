-- Plays a recorded run again: the real engine and the sequence as it is now, on virtual time,
-- against the recorded answers; and says where the two differ first. docs/replay.md: how exact.
local answers = require("lab.replay.answers")
local context = require("failover.engine.context")
local engine = require("failover.engine")
local exit_codes = require("core.exit_codes")
local failover = require("failover")
local failure = require("failure")
local json = require("json")
local replay_clock = require("lab.replay.clock")
local quarantine = require("failover.devices.quarantine")
local requests = require("failover.parameters.requests")
local scheduler = require("core.scheduler")
local fingerprint = require("failover.engine.fingerprint")

local M = {}

---@class Record
---@field run table   a row of Journal:runs
---@field steps table[], calls table[], notes table[]

-- The record of a run, from its journal. Raises CONFIG where there is no such run.
---@return Record
function M.load(journal, id)
  local run = journal:runs({ id = id })[1]
  if not run then
    failure.raise({ code = "CONFIG", message = ("there is no run %d in the journal"):format(id) })
  end
  return {
    run = run, steps = journal:steps(id), calls = journal:calls(id), notes = journal:notes(id),
  }
end

local function killed(record)
  return record.run.ended == nil
end
M.killed = killed

-- Nil, or why this run cannot be replayed.
---@return string?
function M.obstacle(record)
  local run = record.run
  local recording = type(run.arguments) == "table" and run.arguments.recording
  if run.state == "running" then
    return "it is still running"
  elseif not recording then
    return "it was not recorded (record = false in the parameters, or an older Takeover)"
  elseif type(recording.parameters) ~= "table" then
    return "its parameters were too long to be recorded"
  elseif type(recording.sequence) ~= "string" or not recording.sequence:find("^[%w_-]+$") then
    return "its sequence has no name" -- a record is data: it names no file that would be run
  end
  for _, call in ipairs(record.calls) do
    if call.cut then
      return ("the answer to %s was not recorded (%s)"):format(answers.describe_row(call),
        call.cut > 0 and call.cut .. " bytes" or "JSON cannot say it")
    end
  end
end

-- ---- comparing with what was written down -----------------------------------------------------

-- Stands in for the journal.
local Notebook = {}
Notebook.__index = Notebook

-- By the time that the real journal was ready, the clock had gone on.
function Notebook:begin_run()
  local call = self.record.calls[1]
  local woke = call and call.extra and call.extra.woke
  if call then
    self.clock.advance(woke and math.min(woke[1], call.began) or call.began)
  end
  return 1
end

local function step_text(step)
  return ('"%s"%s'):format(step.name, step.branch and " (branch " .. step.branch .. ")" or "")
end

function Notebook:begin_step(_, step)
  local id = #self.steps + 1
  local recorded = self.record.steps[id]
  self.steps[id] = { name = step.name, branch = step.branch }
  if not recorded then
    if not killed(self.record) then
      self.differ("the sequence comes to %s, which the run did not", step_text(step))
    end
  elseif recorded.name ~= step.name or recorded.branch ~= step.branch then
    self.differ("the sequence comes to %s, where the run came to %s", step_text(step),
      step_text(recorded))
  end
  return id
end

local function failure_text(failed)
  if type(failed) ~= "table" then
    return failed and tostring(failed)
  end
  return ("%s: %s"):format(failed.code, failed.message)
end

function Notebook:end_step(id, result)
  local recorded = self.record.steps[id]
  local step = self.steps[id]
  step.state, step.attempts, step.message = result.state, result.attempts, result.message
  if not recorded or not recorded.state then -- beyond the end of a killed run
    return
  end
  for _, key in ipairs({ "state", "attempts", "message" }) do
    if recorded[key] ~= result[key] then
      self.differ("%s of %s is %s, in the run it was %s", key, step_text(step),
        json.encode(result[key] or "none"), json.encode(recorded[key] or "none"))
    end
  end
  local was, is = failure_text(recorded.failure), failure_text(result.failure)
  if was ~= is then
    self.differ("the failure of %s is %s, in the run it was %s", step_text(step), is or "none",
      was or "none")
  end
end

function Notebook.call() end

function Notebook:note(_, text)
  local count = self.noted + 1
  self.noted = count
  self.said[#self.said + 1] = text
  local recorded = self.notes[count]
  if not recorded and not killed(self.record) then
    self.differ("the sequence remarks %q, the run did not", text)
  elseif recorded and recorded.text ~= text then
    self.differ("the sequence remarks %q, where the run remarked %q", text, recorded.text)
  end
end

function Notebook:end_run(result)
  local run = self.record.run
  self.ended = true
  self.said[#self.said + 1] = result.message
  if killed(self.record) then
    return
  end
  for _, key in ipairs({ "state", "exit_code", "message" }) do
    if run[key] ~= result[key] then
      self.differ("the %s of the end is %s, in the run it was %s", (key:gsub("_", " ")),
        tostring(result[key]), tostring(run[key]))
    end
  end
end

-- Remarks of the engine that only a recorded run makes.
local function is_of_recording(note)
  return type(note.data) == "table" and note.data.cancelled ~= nil
end

local function notebook(record, clock, differ)
  local self = setmetatable({
    record = record, clock = clock, differ = differ, steps = {}, notes = {}, noted = 0, said = {},
  }, Notebook)
  for _, note in ipairs(record.notes) do
    if not is_of_recording(note) then
      self.notes[#self.notes + 1] = note
    end
  end
  return self
end

-- ---- playing ----------------------------------------------------------------------------------

local function remember_signal(record, clock)
  for _, note in ipairs(record.notes) do
    local signal = is_of_recording(note) and note.text:match("stopped by (SIG%u+)")
    if signal then
      local at = note.data.cancelled
      clock.interrupt_at(at[1], at[2], signal)
    end
  end
end

-- What was recorded and did not come any more.
local function compare_rest(book, given)
  local row = given:left()
  if row then
    book.differ("the run asked %s, which the sequence does not ask any more",
      answers.describe_row(row))
  end
  for id = #book.steps + 1, #book.record.steps do
    book.differ("the run came to %s, which the sequence does not any more",
      step_text(book.record.steps[id]))
  end
  local note = book.notes[book.noted + 1]
  if note then
    book.differ("the run remarked %q, which the sequence does not any more", note.text)
  end
end

local function run_engine(record, given, book, options)
  local run, arguments = record.run, record.run.arguments
  local began, remembered = arguments.recording.began, arguments.recording.quarantine or {}
  for _, vm in pairs(arguments.recording.parameters.vms or {}) do
    for i, request in ipairs(vm.gpus or {}) do
      vm.gpus[i] = requests.normalise(request) -- recorded before requests had one form
    end
  end
  local c = context.open({
    parameters = arguments.recording.parameters, vm = run.vm, node = run.node,
    evidence = arguments.evidence, ecx = run.environment, journal = book,
    natives = given:natives(),
    fresh = function(otherwise)
      return given:fresh(otherwise)
    end,
    secret = function()
      return "***" -- nobody is asked for it
    end,
    quarantine = quarantine.in_memory(remembered.text), costs = arguments.recording.costs or {},
    claims = {
      take = function()
        return { release = function() end } -- who else was at work is not known; nobody is now
      end,
    },
    wall = function()
      return (remembered.wall or 0) + scheduler.now() - began
    end,
  })
  return engine.run({
    sequence = options.sequence, context = c, command = run.command,
    deadline = arguments.deadline, began = arguments.recording.began,
    remark = arguments.recording.remark,
    listener = options.listener, exit_code = exit_codes.of_result,
  })
end

---@class Replay
---@field difference { text: string, at: number }? the first one; at: seconds since the beginning
---@field result table? of the engine; nil where the replay ended before the run
---@field exit string name of the exit code, or "killed"
---@field steps table[] that were made
---@field calls integer that were answered
---@field took number seconds of the run
---@field said string[] remarks and the last message

-- options: sequence (the loaded one; without it, the one that is used now under the recorded name),
-- listener (for the engine's events). The record must have no obstacle.
---@param record Record
---@return Replay
function M.play(record, options)
  options = options or {}
  local began = record.run.arguments.recording.began
  local clock = replay_clock.new(began)
  local difference, main
  local function differ(format, ...)
    difference = difference or { text = format:format(...), at = clock.now() - began }
  end
  local given = answers.new(record.calls, clock, {
    open_ended = killed(record),
    diverge = function(text)
      differ("%s", text)
      scheduler.abandon(main)
    end,
  })
  clock.wakes = function(task, due)
    return given:wakes(task, due)
  end
  clock.on_idle = function()
    if not killed(record) then
      differ("the replay waits for something that does not happen")
    end
    scheduler.abandon(main)
  end
  remember_signal(record, clock)
  local book = notebook(record, clock, differ)
  local sequence = options.sequence
    or failover.load_sequence(record.run.arguments.recording.sequence)
  local ok, result = scheduler.with_driver(clock, function()
    main = scheduler.current()
    return run_engine(record, given, book, { sequence = sequence, listener = options.listener })
  end)
  if not ok and not main.family.abandoned then
    error(result, 0)
  end
  if not main.family.abandoned or killed(record) then
    compare_rest(book, given)
  end
  return {
    difference = difference, result = ok and result or nil,
    exit = ok and exit_codes.name(exit_codes.of_result(result)) or "killed",
    steps = book.steps, calls = given.asked, took = clock.now() - began, said = book.said,
  }
end

-- Lua files that are not what they were when the run was made.
---@return string[]
function M.changed_files(record)
  return fingerprint.changed(record.run.arguments.recording.files or {})
end

return M
