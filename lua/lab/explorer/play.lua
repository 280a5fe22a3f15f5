-- Plays one schedule of the explorer in a fresh simulated cluster and checks the safety rules
-- (lab/checks.lua) all the
-- way. A schedule is a list of plain events, so that it can be repeated, shrunk and written out
-- as a scenario:
--   { "start", node, { vm =, event =, faults = { [n] = effect } } }   a command, to its end
--   { "must", "start", node, {...} }                                  the same, and it must end
-- well
--   { "never", "start", node, {...} }                                 the same, and it must not
--   { "together", { events } }                                        at the same time
--   { "kill", node, board } { "boot", node } { "disk", node, disk } { "eem", up }
--   { "guest", behaviour } { "wait", s }, and those of oddities.lua
local actor = require("lab.simulated_command")
local checks = require("lab.checks")
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local oddities = require("lab.explorer.oddities")
local scheduler = require("core.scheduler")
local settings = require("lab.explorer.settings")
local traces = require("lab.trace")
local virtual_clock = require("core.virtual_clock")
local world = require("lab.world")

local M = {}

M.commands = settings.commands
M.effects = { "crash before", "crash after", "timeout", "timeout after", "refuse", "lie",
  "garbage", "stop comes" }
-- Those that are no error at all, and what can have them: answers of looks without rows, targets
-- that fall silent, methods that are not possible now.
M.quiet_effects = {
  look = { "empty", "empty from here", "short", "silence" },
  change = { "silence" },
  method = { "silence", "busy" },
}

local VM = "vme2" -- of an event that names none

local Play = {}
Play.__index = Play

local function broken(id, text)
  failure.raise({ code = "VM_BROKEN", message = text, details = { rule = id, text = text } })
end

-- What is none of ours runs on whatever happens.
local function check_strangers(play)
  for _, name in ipairs(play.strangers or {}) do
    if #play.world.invariants:vm_truth(name).running ~= 1 then
      broken("I1", name .. ", which is none of ours, does not run any more")
    end
  end
end

local function check_world(play)
  local violation = play.world:violations()[1]
  if violation then
    broken(violation.id, violation.text)
  end
  check_strangers(play)
end

local function check_run(play, run, code)
  local id, text = checks.after_run(play.world, run, code)
  if id then
    broken(id, text)
  end
end

local function note_end(play, name, node, code)
  play.ends[#play.ends + 1] = ("%s on %s: %s"):format(name, node, code)
end

-- A stop that came in the middle of a start, and nothing else happened: it is not refused.
local function check_rival(play, run, faults)
  local code = run.rival:wait()
  note_end(play, "stop", run.node, code)
  check_run(play, run.rival, code)
  local _, effect = next(faults)
  if effect == "stop comes" and not next(faults, next(faults)) and code ~= 0 then
    broken("I7", string.format("stop on %s in the middle of start ends with %s", run.node,
      tostring(code)))
  end
end

local function tell(play, format, ...)
  if play.trace then
    play.trace[#play.trace + 1] = traces.line(scheduler.now(), format:format(...))
  end
end

local function listener_of(play, node)
  return play.trace and function(event)
    local text = traces.of_event(node, event)
    if text then
      tell(play, "%s", text)
    end
  end
end

local function command(play, name, node, options)
  options = options or {}
  tell(play, "%-4s %s %s", node, name, options.vm or VM)
  local run = actor.start(play.world, play.parameters, name, options.vm or VM, node, {
    event = options.event, evidence = options.evidence, faults = options.faults,
    sequence = play.sequences[name], timeout = options.timeout, kinds = play.wants_kinds,
    listener = listener_of(play, node),
  })
  local code, result = run:wait()
  if play.trace then
    tell(play, "%-4s %s %s: %s, %d calls", node, name, options.vm or VM,
      exit_codes.name(code) or code, run.count)
  end
  play.calls, play.struck, play.kinds = run.count, run.struck, run.kinds
  note_end(play, name, node, code)
  play.code, play.result, play.failure = code, result, result and result.failure or run.failure
  check_run(play, run, code)
  if run.rival then
    check_rival(play, run, options.faults)
  end
  if play.failure and play.failure.code == "SCRIPT_ERROR" or play.failure
    and play.failure.code == "INTERNAL" then
    broken("I0", tostring(play.failure))
  end
  check_world(play)
  return code, run
end

local events = setmetatable({}, { __index = oddities.events })

for _, name in ipairs({ "start", "stop", "prepare", "recover", "monitor" }) do
  events[name] = function(play, node, options)
    command(play, name, node, options)
  end
end

-- `board`: "on" where ExpEther's board keeps its power.
function events.kill(play, node, board)
  tell(play, "%-4s loses power", node)
  play.world:admin("kill", { node = node, board = board })
end

function events.boot(play, node)
  if not play.world:node(node).up then
    tell(play, "%-4s gets power", node)
    play.world:admin("boot", { node = node })
    scheduler.sleep(play.world.latency.node_boot + 1)
    play.world:advance()
  end
end

function events.disk(play, node, disk)
  tell(play, "     disk %s goes to %s", disk or "G:", node)
  play.world:admin("move disk", { disk = disk or "G:", node = node })
end

-- Several events at the same time.
function events.together(play, list)
  local tasks = {}
  for i, event in ipairs(list) do
    tasks[i] = scheduler.spawn(events[event[1]], play, event[2], event[3], event[4])
  end
  for _, task in ipairs(tasks) do
    local ok, failed = scheduler.join(task)
    if not ok then
      error(failed, 0)
    end
  end
end

-- Commands at the same time that want the same thing, of which one can have it. The first one's
-- faults are what is explored; without any, exactly one must end well, and the others say why not.
function events.race(play, list)
  local tasks, runs, codes, winners = {}, {}, {}, 0
  for i, event in ipairs(list) do
    tasks[i] = scheduler.spawn(function()
      codes[i], runs[i] = command(play, event[1], event[2], event[3])
    end)
  end
  for _, task in ipairs(tasks) do
    local ok, failed = scheduler.join(task)
    if not ok then
      error(failed, 0)
    end
  end
  for i in ipairs(list) do
    winners = winners + (codes[i] == 0 and 1 or 0)
  end
  play.calls, play.kinds = runs[1].count, runs[1].kinds
  if winners > 1 then
    broken("I1", "both have won what only one can have")
  elseif not (list[1][3] or {}).faults and winners == 0 then
    broken("I7", "none has won what one could have")
  end
  for i, run in ipairs(runs) do
    local failed = run.result and run.result.failure
    local clean = not (list[i][3] or {}).faults
    if clean and winners == 1 and codes[i] ~= 0 and (not failed or failed.code ~= "HELD_BY") then
      broken("I8", string.format("%s on %s has lost and says %s", list[i][1], list[i][2],
        tostring(failed or codes[i])))
    end
  end
end

function events.eem(play, up)
  play.world:admin("eem", { up = up })
end

function events.guest(play, behaviour)
  local arguments = { vm = VM }
  arguments[behaviour] = behaviour ~= "nothing" or nil
  if behaviour == "nothing" then
    arguments = { vm = VM, ignores = false, locked = false }
  end
  play.world:admin("guest", arguments)
end

function events.wait(_, seconds)
  scheduler.sleep(seconds)
end

-- What must be reached, however bad it was before: the command ends well.
function events.must(play, name, node, options)
  local code = command(play, name, node, options)
  if code ~= 0 then
    broken("I7", string.format("%s on %s ends with %s when nothing is in its way: %s", name, node,
      tostring(code),
      tostring(play.failure)))
  end
end

-- What must not be reached, because it would take from somebody what he has.
function events.never(play, name, node, options)
  if command(play, name, node, options) == 0 then
    broken("I1", string.format("%s on %s ends well, where it must be refused", name, node))
  end
end

-- A clock that drives the play's world, from `time` on.
local function clock_of(play, time)
  return virtual_clock.new(time, {
    next_event = function()
      return play.world:next_event()
    end,
    advance = function()
      play.world:advance()
    end,
  })
end

-- A fresh cluster in which nothing has happened yet. `trace`: a list to which a line for each thing
-- that happens is added.
function M.open(setting, trace)
  local play = setmetatable({ parameters = setting.parameters, sequences = setting.sequences
    or {}, strangers = setting.strangers, ends = {}, trace = trace, at = 0 }, Play)
  play.clock = clock_of(play, 0)
  play.world = world.new({
    clock = play.clock, cluster = setting.cluster, latency = setting.latency,
      switches = setting.switches,
    vms = setting.vms,
  })
  return play
end

-- The same once more, to be carried on in another way. Between two events no command is under way,
-- so nobody has a lock.
function Play:branch()
  local copy = setmetatable({ parameters = self.parameters, sequences = self.sequences,
    strangers = self.strangers,
    ends = table.move(self.ends, 1, #self.ends, 1, {}), at = self.at }, Play)
  copy.clock = clock_of(copy, self.clock.now())
  self.world.locks, self.world.claims = nil, nil
  copy.world = self.world:copy(copy.clock)
  return copy
end

-- Plays events, one after the other. Gives nil when every rule holds, else { rule, text, at =
-- event's number since the beginning }.
function Play:go(schedule)
  local ok, problem = scheduler.with_driver(self.clock, function()
    for _, event in ipairs(schedule) do
      self.at = self.at + 1
      events[event[1]](self, event[2], event[3], event[4])
    end
    check_world(self)
  end)
  if ok then
    return nil
  end
  problem = failure.is(problem) and problem.details or { rule = "I0", text = tostring(problem) }
  problem.at = self.at
  return problem
end

-- Plays a schedule in a fresh cluster. Gives nil or the problem, as Play:go does.
-- Fields of the play are returned second: calls and code of the last command, ends (a text for each
-- command), world.
function M.play(setting, schedule, trace)
  local play = M.open(setting, trace)
  return play:go(schedule), play
end

return M
