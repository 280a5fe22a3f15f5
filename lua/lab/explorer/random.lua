-- Random schedules: what a cluster manager and bad luck may do. The disk of a virtual machine is
-- where the cluster manager
-- runs its group; a failover is said only after the other node has lost its power. The same seed
-- gives the same schedule
-- everywhere.
--
-- What a schedule is made of decides how soon a defect is found, and was measured with sequences
-- that are broken on purpose: see "How random schedules are made" in docs/lab.md. Nothing in a
-- schedule is done for nothing: a fault strikes at a call that the command may reach, what is
-- stopped has been started before, and in a large cluster the machines that nothing happens to are
-- left alone. One schedule in ten is longer and starts all machines, used or not.
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

local function random_faults(random, command)
  local faults = {}
  for _ = 1, random(2) do
    faults[random(CALLS[command])] = player.effects[random(#player.effects)]
  end
  return faults
end

local Maker = {}
Maker.__index = Maker

function Maker:add(...)
  self.schedule[#self.schedule + 1] = { ... }
end

-- Options of a command for a machine: three of four have faults.
function Maker:options(command, machine, event)
  local options = { vm = machine.name, event = event }
  machine.used = true
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

local happenings = {}

function happenings.start(self, machine)
  self:add("start", machine.owner, self:options("start", machine, machine.event))
end

-- Stopped, and perhaps moved: only after a stop that ended well does the cluster manager go on.
function happenings.stop(self, machine)
  if not machine.used then
    self:add("must", "start", machine.owner, { vm = machine.name, event = machine.event })
  end
  self:add("stop", machine.owner, self:options("stop", machine))
  local other = self:other(machine.owner)
  if other and self.random(2) == 1 then
    self:add("must", "stop", machine.owner, { vm = machine.name })
    self:move(machine, other, "start")
    happenings.start(self, machine)
  end
end

-- A node dies, and every machine of it that is used goes to another one.
function happenings.kill(self, machine)
  local dead = machine.owner
  if not self:other(dead) then
    return
  end
  self:add("kill", dead)
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

-- A dead node comes back; where there is none, a machine starts.
function happenings.boot(self, chosen)
  for _, node in ipairs(self.nodes) do
    if not self.up[node] then
      self:add("boot", node)
      self.up[node] = true
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
local first_choices = { "start", "start", "start", "together", "kill", "prepare", "stop" }
local choices = {
  "start", "start", "start", "stop", "stop", "kill", "boot", "monitor", "prepare", "together",
}

-- The schedule of a seed for a setting.
function M.schedule(seed, setting)
  local self = setmetatable({
    random = M.generator(seed), schedule = {}, nodes = setting.nodes, machines = {}, up = {},
  }, Maker)
  for i, machine in ipairs(setting.machines) do
    self.machines[i] = {
      name = machine.name, disk = machine.disk, owner = machine.owner, event = "start",
    }
  end
  for _, node in ipairs(self.nodes) do
    self.up[node] = true
  end
  self.long = self.random(10) == 1
  for i = 1, self.random(3) + (self.long and 1 or 0) do
    local machine = self.machines[self.random(#self.machines)]
    local list = i == 1 and not self.long and first_choices or choices
    happenings[list[self.random(#list)]](self, machine)
  end
  local function each(fn)
    for _, machine in ipairs(self.machines) do
      if machine.used or self.long then
        fn(machine, { vm = machine.name, event = machine.event })
      end
    end
  end
  if setting.described then
    -- An idle card of another node is left alone while a machine that could want it may be starting
    -- there. What killed starts have left is had again once each machine has been tried.
    each(function(machine, options)
      self:add("start", machine.owner, options)
    end)
  end
  each(function(machine, options)
    self:add("must", "start", machine.owner, options)
    self:add("must", "monitor", machine.owner, { vm = machine.name })
  end)
  return self.schedule
end

return M
