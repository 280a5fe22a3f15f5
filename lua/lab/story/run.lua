-- A command of a story: launched on a node, waited for, killed. What it said is checked against
-- what is true.
local actor = require("lab.simulated_command")
local checks = require("lab.checks")
local exit_codes = require("core.exit_codes")

local M = {}

local Run = {}
Run.__index = Run

local known = {
  event = true, evidence = true, disk = true, timeout = true, sequence = true, ecx = true,
  faults = true, sequence_file = true, of = true, quiet = true, wait = true,
}

local function check_faults(story, faults)
  for call in pairs(faults or {}) do
    if math.type(call) ~= "integer" and not (tostring(call)):find("^%S+ %a+ %d+$") then
      story:complain('faults: a call is a number, or a change like "eem PUT 1"; not "%s"',
        tostring(call))
    end
  end
end

function M.launch(story, command, vm, node, options)
  options = options or {}
  local passed = {}
  for key, value in pairs(options) do
    if not known[key] then
      story:complain("%s has no option %q", command, tostring(key))
    end
    passed[key] = value
  end
  check_faults(story, options.faults)
  if not story.world:node(node) then
    story:complain("there is no node %s", tostring(node))
  end
  local run = setmetatable({ story = story, command = command, vm = vm, node = node }, Run)
  passed.listener = function(event)
    story:on_event(run, event)
  end
  local extra = options.event and " (CLP_EVENT=" .. options.event:upper() .. ")" or ""
  run.quiet = passed.quiet
  if not run.quiet then
    story:tell("%-4s %s %s%s", node, command, vm, extra)
  end
  run.actor = actor.start(story.world, story.parameters, command, vm, node, passed)
  run.by = run.actor.by
  story.runs[#story.runs + 1] = run
  return run
end

local function reason_of(run)
  if run.failure then
    return ": " .. tostring(run.failure)
  end
  local reasons = run.result and run.result.reasons
  return reasons and reasons[1] and ": " .. table.concat(reasons, "; ") or ""
end

-- Waits for the command's end.
function Run:wait()
  if self.ended then
    return self
  end
  local story = self.story
  local code, result = self.actor:wait()
  if self.ended then -- somebody else waited, too
    return self
  end
  self.ended = true
  self.exit = code == "killed" and code or exit_codes.name(code)
  self.result = result
  self.failure = result and result.failure or self.actor.failure
  self.took = self.actor.took
  self.changes = result and result.changes or 0
  if not (self.quiet and self.exit == "ok") then
    story:tell("%-4s %s %s: %s%s", self.node, self.command, self.vm, self.exit, reason_of(self))
  end
  local id, text = checks.after_run(story.world, self.actor, code)
  if id and not story.allowed[id] then
    story:complain("%s is broken: %s", id, text)
  end
  if self.actor.rival then
    local rival = self.actor.rival
    local rival_code = rival:wait()
    story:tell("%-4s stop %s: %s", self.node, self.vm,
      tostring(exit_codes.name(rival_code) or rival_code))
    id, text = checks.after_run(story.world, rival, rival_code)
    if id then
      story:complain("%s is broken: %s", id, text)
    end
  end
  story:check_world()
  return self
end

function Run:kill()
  if not self.ended then
    self.story:tell("%-4s kill -9 of %s %s", self.node, self.command, self.vm)
    self.actor:kill()
  end
end

function Run:interrupt()
  self.story:tell("%-4s SIGTERM to %s %s", self.node, self.command, self.vm)
  self.actor:interrupt()
end

return M
