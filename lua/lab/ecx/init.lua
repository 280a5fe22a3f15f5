-- A model of NEC EXPRESSCLUSTER X on the simulated cluster: servers that hear each other, failover
-- groups with a disk and a script, monitors. It decides *when*, as the real thing does; what
-- `takeover` then does are real commands of the simulated nodes. Nothing here knows stories: a
-- `stage` gives world, scripts and power. docs/scenarios.md describes the fields; sources are the
-- docs/facts/ecx-eem.md#1.
local groups = require("lab.ecx.groups")
local monitors = require("lab.ecx.monitors")
local scheduler = require("core.scheduler")
local servers = require("lab.ecx.servers")
local settings = require("lab.ecx.settings")

local M = {}

---@class EcxStage
---@field world table
---@field tell fun(format: string, ...) one line of the story
---@field run fun(command: string, vm: string, node: string, options: table): table of the story
---@field power_off fun(node: string)
---@field power_on fun(node: string)
---@field complain fun(format: string, ...) raises
---@field broken fun(text: string) the story cannot go on

---@class Ecx
local Ecx = {}
Ecx.__index = Ecx
for _, part in ipairs({ groups.methods, monitors.methods, servers.methods }) do
  for name, method in pairs(part) do
    Ecx[name] = method
  end
end

local FOR_EVER = 7 * 24 * 3600 -- seconds after which a story has been forgotten

---@param stage EcxStage
---@return Ecx
function M.new(stage, given)
  local options, list = settings.read(given, stage.complain)
  local self = setmetatable({
    stage = stage, options = options, groups = {}, servers = {}, by_name = {}, sides = nil,
    started = false,
  }, Ecx)
  for _, group in ipairs(list) do
    group.name, group.on, group.since, group.events = group.group, {}, {}, {}
    group.busy, group.failed_over, group.disk_faults = {}, 0, 0
    self.groups[#self.groups + 1] = group
    for _, name in ipairs(group.servers) do
      if not self.by_name[name] then
        local node = stage.world:node(name) or stage.complain("ecx: there is no server %s", name)
        local server = { name = name, node = node, service = "offline", heard = {}, seen = {},
          seen_epoch = {}, down = {} }
        self.by_name[name] = server
        self.servers[#self.servers + 1] = server
      end
    end
  end
  return self
end

function Ecx:tell(server, format, ...)
  self.stage.tell("%-4s ECX: " .. format, server and server.name or "", ...)
end

-- ---- servers -----------------------------------------------------------------------------------

function Ecx:runs(server)
  return server.service == "online" and server.node.up and server.node.epoch == server.epoch
end

-- What runs on a server ends with it: a task that wakes on a dead one never goes on.
function Ecx:check_alive(server, epoch)
  if not server.node.up or server.node.epoch ~= epoch then
    coroutine.yield()
  end
end

-- Starts fn() as a task of the cluster's own: whoever set it off may be killed.
function Ecx:spawn(fn)
  return scheduler.spawn_family(function()
    local ok, problem = require("loop").guard(fn)
    if not ok then
      self.stage.broken("the cluster manager: " .. tostring(problem))
    end
  end)
end

function Ecx:pause(server, seconds)
  local epoch = server.node.epoch
  scheduler.sleep(seconds)
  self.stage.world:advance()
  self:check_alive(server, epoch)
end

-- Do two servers hear each other?
function Ecx:connected(a, b)
  return a == b or not self.sides or self.sides[a.name] == self.sides[b.name]
end

-- Does `a` count on `b`?
function Ecx:sees(a, b)
  return self:runs(b) and self:connected(a, b) and not a.down[b.name]
end

-- The server that has the group, as `server` can know it.
function Ecx:holder(server, group)
  for _, name in ipairs(group.servers) do
    local other = self.by_name[name]
    if groups.holds(group.on[name]) and self:sees(server, other) then
      return other
    end
  end
end

-- Servers that can take a group, best first, as `server` sees it.
function Ecx:candidates(server, group, except)
  local list = {}
  for _, name in ipairs(group.servers) do
    local other = self.by_name[name]
    if not (except and except[name]) and self:sees(server, other) then
      list[#list + 1] = other
    end
  end
  return list
end

-- ---- what operators do -------------------------------------------------------------------------

-- Starts the cluster service on every server that has power.
function Ecx:start()
  for _, server in ipairs(self.servers) do
    if server.node.up and server.service == "offline" then
      self:start_service(server)
    end
  end
  if not self.started then
    self.started = true
    scheduler.spawn_family(function()
      local began = scheduler.now()
      while scheduler.now() - began < FOR_EVER do
        scheduler.sleep(self.options.heartbeat_interval)
        self.stage.world:advance()
        self:tick()
      end
      self.stage.broken("nothing has ended this story for a week")
    end)
  end
end

-- Stops every group on one server, then its service. Gives whether that went well.
local function leave(self, server, factor)
  for _, group in ipairs(self.groups) do
    if groups.holds(group.on[server.name]) and not self:stop_group(group, server, factor) then
      return false
    end
  end
  self:stop_service(server)
  return true
end

-- The cluster is stopped; with `power_off` it is shut down.
function Ecx:stop(power_off)
  for _, server in ipairs(self.servers) do
    if self:runs(server) then
      self:spawn(function()
        if leave(self, server, "clustershutdown") and power_off then
          self:shut_down(server, "cluster shutdown")
        end
      end)
    end
  end
end

-- One server is shut down; its groups go to others.
function Ecx:shutdown_server(server)
  self:tell(server, "server shutdown")
  self:spawn(function()
    local had = self:states(server)
    if not leave(self, server, "servershutdown") then
      return
    end
    self:shut_down(server, "server shutdown")
    for _, group in ipairs(self.groups) do
      local target = self:candidates(server, group, { [server.name] = true })[1]
      if self.options.shutdown_fails_over and groups.holds(had[group.name]) and target then
        group.previous = server.name
        self:start_group(group, target, self.options.event_after_shutdown,
          { [server.name] = true })
      end
    end
  end)
end

-- The network between `names` and all others breaks. `witness`: names of the servers that still
-- reach it (default: the others); `power`: that reach the others' power switches (default: all).
function Ecx:partition(names, witness, power)
  self.sides, self.witness, self.power = {}, {}, power and {}
  for _, name in ipairs(power or {}) do
    self.power[name] = true
  end
  for _, server in ipairs(self.servers) do
    self.sides[server.name], self.witness[server.name] = 1, witness == nil or nil
  end
  for _, name in ipairs(names) do
    self.sides[name], self.witness[name] = 2, nil
  end
  for _, name in ipairs(witness or {}) do
    self.witness[name] = true
  end
end

function Ecx:heal()
  self.sides, self.witness, self.power = nil, nil, nil
end

-- Is nothing under way, and nothing still to be noticed?
function Ecx:is_quiet()
  for _, group in ipairs(self.groups) do
    if next(group.busy) then
      return false
    end
  end
  for _, server in ipairs(self.servers) do
    local node = server.node
    if server.service == "starting" or server.service == "ending" or node.power ~= node.up
      or (server.service == "offline" and node.up and node.epoch ~= server.epoch
        and self.options.service_at_boot)
      or (server.service == "online" and (server.joining or server.deciding
        or not self:runs(server))) then
      return false
    end
    for _, other in ipairs(self.servers) do
      local heard = self:runs(other) and self:connected(server, other)
      if self:runs(server) and server ~= other and not other.left
        and heard == (server.down[other.name] or false) then
        return false
      end
    end
  end
  return true
end

return M
