-- Random schedules: what a cluster manager and bad luck may do. The disk of a virtual machine is
-- where the cluster manager runs its group; a failover is said only after the other node has lost
-- its power. The same seed gives the same schedule everywhere.
--
-- Schedules come in families: each carries an earlier one of its family, or the empty one, on by
-- one more happening (a start, a stop, a node's death, ...) with faults, and ends with what must
-- be possible then. So what several have in common is played once (families.lua).
--
-- What a schedule is made of decides how soon a defect is found, and was measured with sequences
-- that are broken on purpose: see "How random schedules are made" in docs/lab.md. Nothing in a
-- schedule is done for nothing: a fault strikes at a call that the command may reach, what is
-- stopped has been started before, and a machine that nothing happens to is left alone. One family
-- in ten starts all machines, used or not.
local graph = require("graph")
local player = require("lab.explorer.play")

local M = {}

-- A small generator of its own (xorshift), so that nothing else disturbs it: n -> 1..n, the same
-- everywhere.
function M.generator(seed)
  local state = (seed * 0x9E3779B97F4A7C15) | 1
  return function(n)
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return ((state >> 11) % n) + 1
  end
end

-- Calls that a command makes when nothing goes wrong, and some more: where its faults strike.
local CALLS = { start = 70, stop = 30, prepare = 40, recover = 16 }

-- Whatever a call may meet; what a call cannot have happens to none.
local EFFECTS = table.move(player.effects, 1, #player.effects, 1, {})
for _, effect in ipairs({ "empty", "empty from here", "short", "silence", "busy" }) do
  EFFECTS[#EFFECTS + 1] = effect
end

local function random_faults(random, command)
  local faults = {}
  for _ = 1, random(2) do
    faults[random(CALLS[command])] = EFFECTS[random(#EFFECTS)]
  end
  return faults
end

local Maker = {}
Maker.__index = Maker

function Maker:add(...)
  self.events[#self.events + 1] = { ... }
end

-- Options of a command for a machine: three of four have faults.
function Maker:options(command, machine, event)
  local options = { vm = machine.name, event = event }
  machine.used, machine.touched = true, true
  if self.random(4) > 1 then
    options.faults = random_faults(self.random, command)
  end
  return options
end

-- A node with power other than this one, or nil.
function Maker:other(node)
  local list = {}
  for _, name in ipairs(self.nodes) do
    if name ~= node and self.up[name] then
      list[#list + 1] = name
    end
  end
  return list[1] and list[self.random(#list)]
end

function Maker:move(machine, node, event)
  machine.owner, machine.event = node, event
  self:add("disk", node, machine.disk)
end

-- The cluster's word was of nodes that were down: nobody has it when none is.
function Maker:forget_word()
  for _, node in ipairs(self.nodes) do
    if not self.up[node] then
      return
    end
  end
  for _, machine in ipairs(self.machines) do
    machine.event = "start"
  end
end

-- A start without a fault, which must end well; but among cards that all want not always, see
-- ending_of.
function Maker:start_cleanly(machine)
  local options = { vm = machine.name, event = machine.event }
  if self.described then
    self:add("start", machine.owner, options)
  else
    self:add("must", "start", machine.owner, options)
  end
end

local happenings = {}

local ODDITIES = { { "silent", true }, { "forgets", "all" }, { "answers as", "own" } }

function happenings.start(self, machine)
  self:add("start", machine.owner, self:options("start", machine, machine.event))
end

-- Stopped, and perhaps moved: only after a stop that ended well does the cluster manager go on.
-- What has not been started yet is started before.
function happenings.stop(self, machine)
  if not machine.used or self.random(2) == 1 then
    self:start_cleanly(machine)
  end
  self:add("stop", machine.owner, self:options("stop", machine))
  local other = self:other(machine.owner)
  if other and self.random(2) == 1 then
    self:add("must", "stop", machine.owner, { vm = machine.name })
    self:move(machine, other, "start")
  end
end

-- A node dies, and every machine of it that is used goes to another one.
function happenings.kill(self, machine)
  local dead = machine.owner
  if not self:other(dead) then
    return happenings.start(self, machine)
  end
  -- where all want the same cards, others have no word of the cluster's for taking one from it
  local board = not self.described and self.random(3) == 1
  self:add("kill", dead, board and "on" or nil)
  self.up[dead] = false
  for _, other in ipairs(self.machines) do
    if other.owner == dead then
      self:move(other, self:other(dead), "failover")
      if other == machine or other.used or self.long then
        happenings.start(self, other)
      end
    end
  end
end

-- A machine starts while another node is silent, shows none of what it has or answers for this one.
-- Where the cluster has given its word that a node is dead, the node must be: not then.
function happenings.oddly(self, machine)
  local other = machine.event == "start" and self:other(machine.owner)
  if other then
    local name, value = table.unpack(ODDITIES[self.random(#ODDITIES)])
    self:add(name, other, value == "own" and machine.owner or value)
    happenings.start(self, machine)
    self:add(name, other)
  else
    happenings.start(self, machine)
  end
end

-- A dead node comes back; where there is none, a machine starts.
function happenings.boot(self, chosen)
  for _, node in ipairs(self.nodes) do
    if not self.up[node] then
      self:add("boot", node)
      self.up[node] = true
      self:forget_word()
      for _, machine in ipairs(self.machines) do
        if machine.owner ~= node and (machine.used or self.long) then
          self:add("recover", node, self:options("recover", machine))
        end
      end
      return
    end
  end
  happenings.start(self, chosen)
end

function happenings.monitor(self, machine)
  self:add("monitor", machine.owner, { vm = machine.name })
end

function happenings.prepare(self, machine)
  self:add("prepare", machine.owner, self:options("prepare", machine))
end

-- Several machines start at the same moment.
function happenings.together(self)
  local list = {}
  for _, machine in ipairs(self.machines) do
    list[#list + 1] = {
      "start", machine.owner, self:options("start", machine, machine.event),
    }
  end
  self:add("together", list)
end

-- A cluster in which nothing runs yet has nothing to watch and no dead node.
local first_choices = { "start", "start", "start", "together", "kill", "prepare", "stop", "oddly" }
local choices = {
  "start", "start", "start", "stop", "stop", "kill", "boot", "monitor", "prepare", "together",
  "oddly",
}

-- The empty schedule.
local function beginning(setting, random)
  local machines, up = {}, {}
  for i, machine in ipairs(setting.machines) do
    machines[i] = { name = machine.name, disk = machine.disk, owner = machine.owner,
      event = "start" }
  end
  for _, node in ipairs(setting.nodes) do
    up[node] = true
  end
  return setmetatable({
    random = random, long = random(10) == 1, described = setting.described, nodes = setting.nodes,
    machines = machines, up = up, events = {},
  }, Maker)
end

-- What must be possible now: the machines that this happening has touched run, and are seen
-- running; one time in four, and where all want the same cards, every machine that was used.
local function ending_of(self)
  local all = self.random(4) == 1 or self.described
  local list, ending = {}, {}
  for _, machine in ipairs(self.machines) do
    if machine.touched or self.long or machine.used and all then
      list[#list + 1] = machine
    end
  end
  if self.described and #list > 1 then
    -- An idle card of another node is left alone while a machine that could want it may be starting
    -- there. What killed starts have left is had again once each machine has been tried.
    for _, machine in ipairs(list) do
      ending[#ending + 1] = { "start", machine.owner, { vm = machine.name, event = machine.event } }
    end
  end
  for _, machine in ipairs(list) do
    ending[#ending + 1] = { "must", "start", machine.owner, { vm = machine.name,
      event = machine.event } }
    ending[#ending + 1] = { "must", "monitor", machine.owner, { vm = machine.name } }
  end
  return ending
end

-- This schedule and one more happening.
function Maker:carried_on()
  local longer = setmetatable({
    random = self.random, long = self.long, described = self.described, nodes = self.nodes,
    machines = graph.copy(self.machines), up = graph.copy(self.up), parent = self, events = {},
  }, Maker)
  for _, machine in ipairs(longer.machines) do
    machine.touched = false
  end
  local chosen = longer.machines[self.random(#self.machines)]
  local list = (self.parent or self.long) and choices or first_choices
  chosen.touched = true
  happenings[list[self.random(#list)]](longer, chosen)
  longer.ending = ending_of(longer)
  return longer
end

M.FAMILY = 12 -- schedules

-- The family that a seed's schedule is of, and which of it: numbers from 1.
function M.family_of(seed)
  return (seed - 1) // M.FAMILY + 1, (seed - 1) % M.FAMILY + 1
end

-- The schedules of a family, each after the one that it carries on: { parent, events, ending }. The
-- empty one is not among them; it has no parent, and the first one carries it on.
function M.family(number, setting)
  local random = M.generator(number)
  local nothing, family = beginning(setting, random), {}
  for i = 1, M.FAMILY do
    family[i] = (family[random(i) - 1] or nothing):carried_on()
  end
  return family
end

-- The schedule of a seed for a setting, whole.
function M.schedule(seed, setting)
  local number, index = M.family_of(seed)
  local one = M.family(number, setting)[index]
  local parts = { one.ending }
  while one.parent do
    table.insert(parts, 1, one.events)
    one = one.parent
  end
  local schedule = {}
  for _, part in ipairs(parts) do
    table.move(part, 1, #part, #schedule + 1, schedule)
  end
  return schedule
end

return M
