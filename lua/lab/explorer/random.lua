-- Random schedules: what a cluster manager and bad luck may do. The disk of a virtual machine is
-- where the cluster manager
-- runs its group; a failover is said only after the other node has lost its power. The same seed
-- gives the same schedule
-- everywhere.
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

local function random_faults(random)
  local faults = {}
  for _ = 1, random(2) do
    faults[random(70)] = player.effects[random(#player.effects)]
  end
  return faults
end

local Maker = {}
Maker.__index = Maker

function Maker:add(...)
  self.schedule[#self.schedule + 1] = { ... }
end

-- Options of a command for a machine: two of three have faults.
function Maker:options(machine, event)
  local options = { vm = machine.name, event = event }
  if self.random(3) > 1 then
    options.faults = random_faults(self.random)
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
  self:add("start", machine.owner, self:options(machine, machine.event))
end

-- Stopped, and perhaps moved: only after a stop that ended well does the cluster manager go on.
function happenings.stop(self, machine)
  self:add("stop", machine.owner, self:options(machine))
  local other = self:other(machine.owner)
  if other and self.random(2) == 1 then
    self:add("must", "stop", machine.owner, { vm = machine.name })
    self:move(machine, other, "start")
    happenings.start(self, machine)
  end
end

-- A node dies, and every machine of it goes to another one.
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
      happenings.start(self, other)
    end
  end
end

-- A dead node comes back.
function happenings.boot(self)
  for _, node in ipairs(self.nodes) do
    if not self.up[node] then
      self:add("boot", node)
      self.up[node] = true
      for _, machine in ipairs(self.machines) do
        if machine.owner ~= node then
          self:add("recover", node, self:options(machine))
        end
      end
      return
    end
  end
end

function happenings.monitor(self, machine)
  self:add("monitor", machine.owner, { vm = machine.name })
end

function happenings.prepare(self, machine)
  self:add("prepare", machine.owner, self:options(machine))
end

-- Several machines start at the same moment.
function happenings.together(self)
  local list = {}
  for _, machine in ipairs(self.machines) do
    list[#list + 1] = { "start", machine.owner, self:options(machine, machine.event) }
  end
  self:add("together", list)
end

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
  for _ = 1, 1 + self.random(3) do
    local machine = self.machines[self.random(#self.machines)]
    local choice = choices[self.random(#choices)]
    happenings[choice](self, machine)
  end
  for _, machine in ipairs(self.machines) do
    self:add("must", "start", machine.owner, { vm = machine.name, event = machine.event })
    self:add("must", "monitor", machine.owner, { vm = machine.name })
  end
  return self.schedule
end

return M
