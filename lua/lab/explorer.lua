-- The explorer: runs sequences in the simulated cluster with a fault at every single call to the
-- outside, and then
-- random schedules of commands, deaths and faults. After everything the safety rules are checked
-- (lab/checks.lua).
--
-- A *schedule* is a list of plain events, so that it can be repeated, shrunk and written out as
-- a scenario:
--   { "start", node, { event =, faults = { [n] = effect } } }   a command, to its end
--   { "kill", node } { "boot", node } { "disk", node } { "eem", up } { "guest", behaviour } {
-- "wait", s }
local actor = require("lab.actor")
local checks = require("lab.checks")
local failure = require("failure")
local scheduler = require("host.scheduler")
local virtual_clock = require("lab.virtual_clock")
local world = require("lab.world")

local M = {}

M.effects = { "crash before", "crash after", "timeout", "timeout after", "refuse", "lie",
  "garbage" }

local VM = "vme2"

-- ---- one schedule
-- ---------------------------------------------------------------------------------------------

local Play = {}
Play.__index = Play

local function broken(id, text)
  failure.raise({ code = "VM_BROKEN", message = text, details = { rule = id, text = text } })
end

local function check_world(play)
  local violation = play.world:violations()[1]
  if violation then
    broken(violation.id, violation.text)
  end
end

local function command(play, name, node, options)
  options = options or {}
  local run = actor.start(play.world, play.parameters, name, VM, node, {
    event = options.event, evidence = options.evidence, faults = options.faults,
    sequence = play.sequences[name], timeout = options.timeout,
  })
  local code, result = run:wait()
  play.calls = run.count
  play.struck = run.struck
  play.code, play.result, play.failure = code, result, result and result.failure or run.failure
  local id, text = checks.after_run(play.world, run, code)
  if id then
    broken(id, text)
  end
  if play.failure and play.failure.code == "SCRIPT_ERROR" or play.failure
    and play.failure.code == "INTERNAL" then
    broken("I0", tostring(play.failure))
  end
  check_world(play)
  return code
end

local events = {}

for _, name in ipairs({ "start", "stop", "prepare", "recover", "monitor" }) do
  events[name] = function(play, node, options)
    command(play, name, node, options)
  end
end

function events.kill(play, node)
  play.world:admin("kill", { node = node })
end

function events.boot(play, node)
  if not play.world:node(node).up then
    play.world:admin("boot", { node = node })
    scheduler.sleep(play.world.latency.node_boot + 1)
    play.world:advance()
  end
end

function events.disk(play, node)
  play.world:admin("move disk", { disk = "G:", node = node })
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

-- Short, but not nothing: branches overlap and jobs are still at work when something strikes.
local LATENCY = {
  link = 0.2, unlink = 0.1, enumerate = 0.1, list_lag = 0.05, dismount = 0.1, mount = 0.1,
  assign = 0.05, remove = 0.05, import = 0.1, validate = 0.05, realize = 0.05, destroy = 0.05,
  modify = 0.05, start = 0.2, turn_off = 0.1, boot = 0.5, shutdown = 0.3, node_boot = 5,
}

-- The shipped cluster. `sequences`: by command, in place of the shipped ones.
function M.setting(sequences)
  return {
    parameters = require("lab.story.cluster").parameters({}, error),
    cluster = require("lab.clusters.seed"), latency = LATENCY,
    vms = { [VM] = { prepared = true } }, sequences = sequences,
  }
end

-- Plays a schedule in a fresh cluster. Gives nil when every rule holds, else { rule, text, at =
-- event's number }.
-- Fields of the play (calls, code) are returned second.
function M.play(setting, schedule)
  local play = setmetatable({ parameters = setting.parameters, sequences = setting.sequences
    or {} }, Play)
  local clock = virtual_clock.new(0, {
    next_event = function()
      return play.world:next_event()
    end,
    advance = function()
      play.world:advance()
    end,
  })
  play.world = world.new({
    clock = clock, cluster = setting.cluster, latency = setting.latency,
      switches = setting.switches,
    vms = setting.vms,
  })
  local at = 0
  local ok, problem = scheduler.with_driver(clock, function()
    for i, event in ipairs(schedule) do
      at = i
      events[event[1]](play, event[2], event[3], event[4])
    end
    check_world(play)
  end)
  if ok then
    return nil, play
  end
  problem = failure.is(problem) and problem.details or { rule = "I0", text = tostring(problem) }
  problem.at = at
  return problem, play
end

-- ---- a fault at every call
-- ------------------------------------------------------------------------------------

-- How a command comes about, and what follows it: the same node again, or the other node.
M.situations = {
  {
    name = "start on the first node", command = "start", node = "ms1", before = {},
    after = {
      { { "must", "start", "ms1" }, { "must", "monitor", "ms1" } },
      {
        { "kill", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2", { event = "failover" } },
        { "must", "monitor", "ms2" }, { "boot", "ms1" }, { "must", "recover", "ms1" }, { "must",
          "monitor", "ms2" },
      },
      { { "must", "stop", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2" }, { "must",
        "monitor", "ms2" } },
    },
  },
  {
    name = "start after a planned move", command = "start", node = "ms2",
    before = { { "must", "start", "ms1" }, { "must", "stop", "ms1" }, { "disk", "ms2" } },
    after = {
      { { "must", "start", "ms2" }, { "must", "monitor", "ms2" } },
      { { "must", "stop", "ms2" }, { "disk", "ms1" }, { "must", "start", "ms1" }, { "must",
        "monitor", "ms1" } },
    },
  },
  {
    name = "start after a failover", command = "start", node = "ms2",
      options = { event = "failover" },
    before = { { "must", "start", "ms1" }, { "kill", "ms1" }, { "disk", "ms2" } },
    after = {
      { { "must", "start", "ms2", { event = "failover" } }, { "must", "monitor", "ms2" } },
      {
        { "boot", "ms1" }, { "must", "recover", "ms1" }, { "must", "start", "ms2" }, { "must",
          "monitor", "ms2" },
      },
      { { "kill", "ms2" }, { "boot", "ms1" }, { "disk", "ms1" }, { "must", "start", "ms1",
        { event = "failover" } } },
    },
  },
  {
    name = "start while it runs elsewhere", command = "start", node = "ms2",
    before = { { "must", "start", "ms1" }, { "disk", "ms2" } },
    after = { { { "stop", "ms1" }, { "wait", 60 }, { "must", "start", "ms2" }, { "must", "monitor",
      "ms2" } } },
  },
  {
    name = "stop", command = "stop", node = "ms1", before = { { "must", "start", "ms1" } },
    after = {
      { { "must", "stop", "ms1" }, { "must", "start", "ms1" }, { "must", "monitor", "ms1" } },
      { { "must", "stop", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2" }, { "must",
        "monitor", "ms2" } },
      { { "kill", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2", { event = "failover" } } },
    },
  },
  {
    name = "prepare", command = "prepare", node = "ms1", before = {},
    after = {
      { { "must", "prepare", "ms1" }, { "must", "start", "ms1" } },
      { { "must", "prepare", "ms2" }, { "must", "start", "ms1" }, { "must", "monitor", "ms1" } },
    },
  },
  {
    name = "prepare on the other node", command = "prepare", node = "ms2", before = { { "must",
      "prepare", "ms1" } },
    after = { { { "must", "prepare", "ms2" }, { "must", "start", "ms1" }, { "must", "monitor",
      "ms1" } } },
  },
  {
    name = "recover", command = "recover", node = "ms1",
    before = {
      { "must", "start", "ms1" }, { "kill", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2",
        { event = "failover" } },
      { "boot", "ms1" },
    },
    after = { { { "must", "recover", "ms1" }, { "must", "monitor", "ms2" }, { "must", "stop",
      "ms2" } } },
  },
  {
    name = "monitor", command = "monitor", node = "ms1", before = { { "must", "start", "ms1" } },
    after = { { { "must", "monitor", "ms1" } } },
  },
}

local function joined(...)
  local list = {}
  for _, part in ipairs({ ... }) do
    table.move(part, 1, #part, #list + 1, list)
  end
  return list
end

local function event_of(situation, faults)
  local options = {}
  for key, value in pairs(situation.options or {}) do
    options[key] = value
  end
  options.faults = faults
  return { situation.command, situation.node, options }
end

-- Every schedule with one fault in one situation; fn(schedule, call's number, effect). Gives the
-- number of calls.
function M.single_faults(setting, situation, fn)
  local clean = joined(situation.before, { event_of(situation) })
  local problem, play = M.play(setting, clean)
  if problem then
    fn(clean, 0, "no fault", problem)
    return 0
  end
  for call = 1, play.calls do
    for _, effect in ipairs(M.effects) do
      for _, after in ipairs(situation.after) do
        fn(joined(situation.before, { event_of(situation, { [call] = effect }) }, after), call,
          effect)
      end
    end
  end
  return play.calls
end

-- ---- random schedules
-- -------------------------------------------------------------------------------------------

-- A small generator of its own (xorshift64*), so that a seed means the same everywhere and
-- nothing else disturbs it.
local function generator(seed)
  local state = (seed * 0x9E3779B97F4A7C15) | 1
  return function(n) -- 1..n
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return ((state >> 11) % n) + 1
  end
end

local function random_faults(random)
  local faults = {}
  for _ = 1, random(2) do
    faults[random(70)] = M.effects[random(#M.effects)]
  end
  return faults
end

-- One schedule of a seed: what a cluster manager and bad luck may do. The disk is where the
-- cluster manager runs the
-- group; a failover is said only after the other node has lost its power.
function M.random_schedule(seed)
  local random = generator(seed)
  local schedule, owner, up = {}, "ms1", { ms1 = true, ms2 = true }
  local function add(...)
    schedule[#schedule + 1] = { ... }
  end
  local function faulty(options)
    options = options or {}
    if random(3) > 1 then
      options.faults = random_faults(random)
    end
    return options
  end
  local event = "start"
  for _ = 1, 1 + random(4) do
    local other = owner == "ms1" and "ms2" or "ms1"
    local what = random(9)
    if what <= 3 then
      add("start", owner, faulty({ event = event }))
    elseif what <= 5 then
      add("stop", owner, faulty())
      if up[other] and random(2) == 1 then -- a planned move, when the stop went well or not
        add("must", "stop", owner)
        owner, event = other, "start"
        add("disk", owner)
        add("start", owner, faulty({ event = event }))
      end
    elseif what == 6 and up[other] then
      add("kill", owner)
      up[owner] = false
      owner, event = other, "failover"
      add("disk", owner)
      add("start", owner, faulty({ event = event }))
    elseif what == 7 and not up[other] then
      add("boot", other)
      up[other] = true
      add("recover", other, faulty())
    elseif what == 8 then
      add("monitor", owner)
    elseif what == 9 then
      add("prepare", owner, faulty())
    end
  end
  add("must", "start", owner, { event = event })
  add("must", "monitor", owner)
  return schedule
end

-- The first schedule that breaks a rule: without any fault, with one, of a random kind.
local function first_broken(setting, commands, random)
  for _, situation in ipairs(M.situations) do
    for _, after in ipairs(commands[situation.command] and situation.after or {}) do
      local schedule = joined(situation.before, { event_of(situation) }, after)
      local found = M.play(setting, schedule)
      if found then
        return found, schedule
      end
    end
  end
  for _, situation in ipairs(M.situations) do
    local found, bad
    if commands[situation.command] then
      M.single_faults(setting, situation, function(schedule, _, _, problem)
        if not found then
          found, bad = problem or M.play(setting, schedule), schedule
        end
      end)
    end
    if found then
      return found, bad
    end
  end
  for seed = 1, random do
    local schedule = M.random_schedule(seed)
    local found = M.play(setting, schedule)
    if found then
      return found, schedule
    end
  end
end

-- The first violation that turns up, shrunk: { rule, text }, schedule. Nil when `random` schedules
-- found none either.
function M.find(setting, commands, random)
  local found, schedule = first_broken(setting, commands, random)
  if found then
    schedule, found = M.shrink(setting, schedule, found)
  end
  return found, schedule
end

-- ---- shrinking -------------------------------------------------------------------------------

-- A shorter schedule that breaks the same rule: events and faults are left out as long as it
-- still does.
function M.shrink(setting, schedule, problem)
  local function pattern(text)
    return (text:gsub("%d+", "#"))
  end
  local wanted = pattern(problem.text)
  local function still(candidate) -- the same wrong, not just another one of the same rule
    local other = M.play(setting, candidate)
    return other and other.rule == problem.rule and pattern(other.text) == wanted and other
  end
  local smaller = true
  schedule = table.move(schedule, 1, math.min(#schedule, problem.at), 1, {})
  while smaller do
    smaller = false
    for i = #schedule, 1, -1 do
      local candidate = table.move(schedule, 1, #schedule, 1, {})
      table.remove(candidate, i)
      local other = still(candidate)
      if other then
        schedule, problem, smaller = candidate, other, true
      end
    end
    for _, event in ipairs(schedule) do
      local options = event[3]
      if type(options) == "table" and options.faults then
        for call, effect in pairs(options.faults) do
          options.faults[call] = nil
          local other = still(schedule)
          if other then
            problem, smaller = other, true
          else
            options.faults[call] = effect
          end
        end
        if not next(options.faults) then
          options.faults = nil
        end
      end
    end
  end
  return schedule, problem
end

-- ---- a schedule as text
-- -------------------------------------------------------------------------------------------

local function options_text(options)
  local parts = {}
  for _, key in ipairs({ "event", "evidence" }) do
    if options and options[key] then
      parts[#parts + 1] = string.format("%s = %q", key, options[key])
    end
  end
  if options and options.faults then
    local calls, faults = {}, {}
    for call in pairs(options.faults) do
      calls[#calls + 1] = call
    end
    table.sort(calls)
    for i, call in ipairs(calls) do
      faults[i] = string.format("[%d] = %q", call, options.faults[call])
    end
    parts[#parts + 1] = "faults = { " .. table.concat(faults, ", ") .. " }"
  end
  return #parts > 0 and ", { " .. table.concat(parts, ", ") .. " }" or ""
end

local texts = {
  kill = 'kill "%s"', boot = 'boot "%s"', disk = 'move_disk "%s"',
  wait = "wait(%s)", guest = 'admin("guest", { vm = "vme2", %s = true })',
}

-- The lines of a scenario that does the same.
function M.scenario_text(schedule, title)
  local lines = { string.format("story %q", title), "" }
  for _, event in ipairs(schedule) do
    local name = event[1]
    if name == "must" then
      lines[#lines + 1] = string.format('expect(%s("%s", "%s"%s), { exit = "ok" })', event[2], VM,
        event[3],
        options_text(event[4]))
    elseif texts[name] then
      lines[#lines + 1] = string.format(texts[name], tostring(event[2]))
    elseif name == "eem" then
      lines[#lines + 1] = string.format('admin("eem", { up = %s })', tostring(event[2]))
    else
      lines[#lines + 1] = string.format('%s("%s", "%s"%s)', name, VM, event[2],
        options_text(event[3]))
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

return M
