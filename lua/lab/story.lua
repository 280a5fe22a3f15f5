-- Plays one scenario: a file that tells a story of a cluster, on virtual time, with the real
-- engine and sequences.
-- docs/scenarios.md describes the vocabulary. After every call to the outside, and after every
-- command, the safety rules
-- of the design are checked; the first broken one ends the story.
local actor = require("lab.actor")
local checks = require("lab.checks")
local exit_codes = require("host.exit_codes")
local failure = require("failure")
local loop = require("loop")
local parameters = require("failover.parameters")
local scheduler = require("host.scheduler")
local virtual_clock = require("lab.virtual_clock")
local world = require("lab.world")

local M = {}

local PARAMETERS = [[
return {
  eem = { url = "http://192.168.0.150:30500/eem", user = "admin", password = secret "eem" },
  nodes = {
    ms1 = { group_id = 50, address = "192.168.0.130", board = "0x8cdf9d911c01" },
    ms2 = { group_id = 150, address = "192.168.0.200", board = "0x8cdf9d911c02" },
  },
  devices = { ["0x8cdf9d911c60"] = { name = "gpu1", labels = { purpose = "training" } } },
  vms = {
    vme2 = {
      path = "G:\\Hyper-V\\vme2", group = "Failover-vme2", gpus = { { id = "0x8cdf9d911c60" } },
      mmio = { low = "3GiB", high = "33280MiB" },
    },
  },
}
]]

local Story = {}

-- A story that names no cluster plays in the shipped one.
function Story:__index(key)
  if key == "world" then
    self:make_cluster({})
    return self.world
  end
  return Story[key]
end

local function complain(...)
  error(string.format(...), 0)
end

-- One line of the trace: time, and what happened.
function Story:tell(format, ...)
  local text = string.format(format, ...)
  self.trace[#self.trace + 1] = string.format("%9.2f  %s", scheduler.now() - self.began, text)
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
    complain("%s", self.broken)
  end
end

-- ---- the cluster
-- ------------------------------------------------------------------------------------------

local function read_parameters(text)
  local checked, problems = parameters.check(text, "parameters.lua")
  if not checked then
    complain("the scenario's parameters: %s", table.concat(problems, "; "))
  end
  return checked
end

-- Lays one plain table over another.
local function overlay(base, changes)
  for key, value in pairs(changes) do
    if type(value) == "table" and type(base[key]) == "table" then
      overlay(base[key], value)
    else
      base[key] = value
    end
  end
end

local cluster_keys = {
  base = true, nodes = true, devices = true, vms = true, latency = true, switches = true,
    parameters = true,
  vm = true,
}

function Story:make_cluster(options)
  for key in pairs(options) do
    if not cluster_keys[key] then
      complain("cluster has no field %q", tostring(key))
    end
  end
  local clock = self.clock
  local vms = options.vms or { vme2 = { prepared = true } }
  self.world = world.new({
    clock = clock, cluster = type(options.base) == "table" and options.base
      or require("lab.clusters." .. (options.base or "seed")),
    nodes = options.nodes, devices = options.devices, vms = vms, latency = options.latency,
    switches = options.switches,
  })
  local given = options.parameters
  self.parameters = read_parameters(type(given) == "string" and given or PARAMETERS)
  if type(given) == "table" then
    overlay(self.parameters, given)
  end
  if options.vm then
    overlay(self.parameters.vms.vme2, options.vm)
  end
  self.world.hook = function(call, moment)
    self:on_call(call, moment)
  end
end

-- ---- what happens in the middle
-- -------------------------------------------------------------------------------

local matched = { "verb", "method", "path", "class" }

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
  for _, key in ipairs(matched) do
    if pattern[key] then
      any = true
      if not text_matches(pattern[key], call.info[key]) then
        return false
      end
    end
  end
  return any
end

-- Runs what waits for this moment. A trigger that kills the caller never comes back.
function Story:fire(trigger)
  trigger.left = trigger.left - 1
  trigger.action()
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
  if event.kind == "step_end" or event.kind == "undo_end" then
    local word = event.kind == "undo_end" and event.state == "failed" and "undo failed"
      or event.state
    self:tell("%-4s %-11s %s%s", run.node, word, event.step,
      event.reason and word ~= "already" and ": " .. event.reason or "")
    for _, trigger in ipairs(self.triggers) do
      local pattern = trigger.pattern
      if trigger.left > 0 and pattern.step == event.step and (pattern.state
        or "done") == event.state
        and (not pattern.by or run.by:find(pattern.by, 1, true)) then
        self:fire(trigger)
      end
    end
  elseif event.kind == "note" then
    self:tell("%-4s note        %s", run.node, event.text)
  end
end

-- ---- commands
-- ---------------------------------------------------------------------------------------------------

local Run = {}
Run.__index = Run

local command_options = {
  event = true, evidence = true, disk = true, timeout = true, sequence = true, ecx = true,
  faults = true,
}

function Story:launch(command, vm, node, options)
  options = options or {}
  local passed = {}
  for key, value in pairs(options) do
    if not command_options[key] then
      complain("%s has no option %q", command, tostring(key))
    end
    passed[key] = value
  end
  if not self.world:node(node) then
    complain("there is no node %s", tostring(node))
  end
  local run = setmetatable({ story = self, command = command, vm = vm, node = node }, Run)
  passed.listener = function(event)
    self:on_event(run, event)
  end
  local extra = options.event and " (CLP_EVENT=" .. options.event:upper() .. ")" or ""
  self:tell("%-4s %s %s%s", node, command, vm, extra)
  run.actor = actor.start(self.world, self.parameters, command, vm, node, passed)
  run.by = run.actor.by
  self.runs[#self.runs + 1] = run
  return run
end

-- Waits for the command's end and checks what it said.
function Run:wait()
  if self.ended then
    return self
  end
  local story = self.story
  local code, result = self.actor:wait()
  self.ended = true
  self.exit = code == "killed" and code or exit_codes.name(code)
  self.result = result
  self.failure = result and result.failure or self.actor.failure
  self.took = self.actor.took
  self.changes = result and result.changes or 0
  local why = self.failure and ": " .. tostring(self.failure)
    or result and result.reasons and result.reasons[1] and ": " .. table.concat(result.reasons,
      "; ") or ""
  story:tell("%-4s %s %s: %s%s", self.node, self.command, self.vm, self.exit, why)
  local id, text = checks.after_run(story.world, self.actor, code)
  if id and not story.allowed[id] then
    complain("%s is broken: %s", id, text)
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

-- ---- the vocabulary
-- ---------------------------------------------------------------------------------------------

local function vm_of(story, name)
  for _, vm in ipairs(story.world:truth().vms) do
    if vm.name == name then
      return vm
    end
  end
  complain("there is no virtual machine %s", tostring(name))
end

local function device_of(story, id)
  for _, device in ipairs(story.world:truth().devices) do
    if device.id == id then
      return device
    end
  end
  complain("there is no device %s", tostring(id))
end

local expected = {
  exit = function(run, wanted)
    return run.exit == wanted, run.exit
  end,
  code = function(run, wanted)
    local code = run.failure and run.failure.code or "none"
    return code == wanted, code
  end,
  says = function(run, wanted)
    local text = tostring(run.failure)
    for _, said in ipairs(run.actor.said) do
      text = text .. "\n" .. said
    end
    for _, reason in ipairs(run.result and run.result.reasons or {}) do
      text = text .. "\n" .. reason
    end
    return text:find(wanted, 1, true) ~= nil, text
  end,
  undone = function(run, wanted)
    return run.result ~= nil and run.result.undone == wanted, tostring(run.result
      and run.result.undone)
  end,
  changes = function(run, wanted)
    return run.changes == wanted, run.changes
  end,
  at_most = function(run, wanted)
    return run.changes <= wanted, run.changes .. " changes"
  end,
  within = function(run, wanted)
    return run.took <= wanted, string.format("%.2f s", run.took)
  end,
  warnings = function(run, wanted)
    return #run.result.warnings == wanted, table.concat(run.result.warnings, "; ")
  end,
}

local function vocabulary(story)
  local v = {}
  -- The first thing of a file: its sentence.
  function v.story(text)
    story.title = text
  end
  function v.cluster(options)
    if rawget(story, "world") then
      complain("cluster comes before everything that happens")
    end
    story:make_cluster(options)
  end
  for _, command in ipairs({ "start", "stop", "monitor", "prepare", "recover", "plan" }) do
    v[command] = function(vm, node, options)
      return story:launch(command, vm, node, options):wait()
    end
  end
  -- Starts a command and goes on with the story.
  function v.launch(command, vm, node, options)
    return story:launch(command, vm, node, options)
  end
  function v.wait(seconds)
    scheduler.sleep(seconds)
    story.world:advance()
    story:check_world()
  end
  -- In so many seconds from now.
  function v.at(seconds, action)
    scheduler.spawn(function()
      scheduler.sleep(seconds)
      story.world:advance()
      action()
    end)
  end
  -- When a call or the end of a step matches; once, or `times` times.
  function v.when(pattern, action)
    table.insert(story.triggers, { pattern = pattern, action = action, left = pattern.times or 1 })
  end
  -- Power loss: the node, its virtual machines and every command on it.
  function v.kill(node)
    story:tell("%-4s loses power", node)
    for _, run in ipairs(story.runs) do
      if run.node == node and not run.ended then
        run.actor:kill()
      end
    end
    story.world:admin("kill", { node = node })
  end
  function v.boot(node)
    story:tell("%-4s gets power", node)
    story.world:admin("boot", { node = node })
    scheduler.sleep(story.world.latency.node_boot + 1)
    story.world:advance()
  end
  -- Nobody reaches the node's management service; the node and its machines go on.
  function v.partition(node)
    story:tell("%-4s is cut off", node)
    return story.world.faults:add({ target = node, match = {}, effect = "unreachable" })
  end
  function v.crash(run)
    run:kill()
  end
  function v.interrupt(run)
    run:interrupt()
  end
  function v.move_disk(node, disk)
    story:tell("     disk %s goes to %s", disk or "G:", node or "nobody")
    story.world:admin("move disk", { disk = disk or "G:", node = node })
  end
  function v.fault(rule)
    story:tell("     fault: %s on %s", rule.effect, rule.target)
    return story.world.faults:add(rule)
  end
  function v.heal()
    story:tell("     faults end")
    story.world.faults:clear()
  end
  -- Whatever else an administrator or an accident does (docs/lab.md, administrator's verbs).
  function v.admin(verb, arguments)
    story:tell("     %s", verb)
    return story.world:admin(verb, arguments or {})
  end
  function v.expect(run, wanted)
    for key, value in pairs(wanted) do
      local check = expected[key] or complain("expect has no field %q", tostring(key))
      local fits, got = check(run, value)
      if not fits then
        complain("%s on %s: expected %s = %s, got %s", run.command, run.node, key, tostring(value),
          tostring(got))
      end
    end
  end
  function v.expect_running(vm, node, more)
    local truth = vm_of(story, vm)
    if table.concat(truth.running, ",") ~= (node or "") then
      complain("expected %s to run on %s, it runs on %s", vm, node or "no node",
        truth.running[1] and table.concat(truth.running, ", ") or "no node")
    end
    if node and not (more and more.gpu == false) and not truth.gpu then
      complain("%s runs on %s without its GPU", vm, node)
    end
  end
  function v.expect_registered(vm, ...)
    local names, wanted = {}, { ... }
    for i, entry in ipairs(vm_of(story, vm).registered) do
      names[i] = entry.node
    end
    if table.concat(names, ",") ~= table.concat(wanted, ",") then
      complain("expected %s to be registered on [%s], it is on [%s]", vm, table.concat(wanted, ","),
        table.concat(names, ","))
    end
  end
  function v.expect_device(id, where)
    local device = device_of(story, id)
    local is = device.node or device.state
    if is ~= where then
      complain("expected device %s at %s, it is at %s", id, where, is)
    end
  end
  -- Nothing was changed since `mark` (a number from changes()).
  function v.changes()
    return #story.world.invariants.changes
  end
  function v.truth()
    return story.world:truth()
  end
  function v.world()
    return story.world
  end
  -- The story is about a broken rule of this id, which is not Takeover's doing.
  function v.allow(id)
    story.allowed[id] = true
  end
  function v.fail(...)
    complain(...)
  end
  return setmetatable(v, { __index = _G })
end

-- Plays a scenario file. Gives { title, passed, problem, trace (list of lines), seconds
-- (virtual) }.
function M.play(path)
  local clock, story
  clock = virtual_clock.new(0, {
    next_event = function()
      return story.world:next_event()
    end,
    advance = function()
      story.world:advance()
    end,
  })
  story = setmetatable({
    clock = clock, began = 0, trace = {}, triggers = {}, runs = {}, allowed = {},
      seen_violations = 0,
  }, Story)
  local env = vocabulary(story)
  local chunk, message = loadfile(path, "t", env)
  local ok, problem = false, message
  if chunk then
    ok, problem = scheduler.with_driver(clock, function()
      local fine, failed = loop.guard(chunk)
      if fine then
        for _, run in ipairs(story.runs) do
          run:wait()
        end
        story:check_world()
      else
        error(failed, 0)
      end
    end)
  end
  if not ok and failure.is(problem) then
    problem = problem.code == "SCRIPT_ERROR" and problem.message or tostring(problem)
  end
  return {
    path = path, title = story.title or path, passed = ok, problem = not ok and tostring(problem)
      or nil,
    trace = story.trace, seconds = clock.now(),
  }
end

return M
