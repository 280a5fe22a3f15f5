-- A model of NEC EXPRESSCLUSTER X on the simulated cluster: servers that hear each other, failover
-- groups with a disk and a script, monitors. It decides *when*, as the real thing does; what
-- `takeover` then does are real commands of the simulated nodes. Nothing here knows stories: a
-- `stage` gives world, scripts and power. docs/scenarios.md describes the fields; sources are the
-- fact sheet ecx-eem, section 1.
local groups = require("lab.ecx.groups")
local monitors = require("lab.ecx.monitors")
local scheduler = require("host.scheduler")
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
for _, part in ipairs({ groups.methods, monitors.methods }) do
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

local function copy_states(self, server)
  local states = {}
  for _, group in ipairs(self.groups) do
    states[group.name] = group.on[server.name]
  end
  return states
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

-- The service ends at once; then the operating system shuts down.
function Ecx:shut_down(server, why, reboot)
  if server.service == "ending" then
    return
  end
  self:tell(server, "%s: the server is %s", why, reboot and "restarted" or "shut down")
  server.service = "ending"
  local epoch = server.node.epoch
  scheduler.spawn_family(function()
    scheduler.sleep(self.options.shutdown_time)
    self.stage.world:advance()
    if server.node.up and server.node.epoch == epoch then
      self.stage.power_off(server.name)
      if reboot then
        self.stage.power_on(server.name)
      end
    end
  end)
end

function Ecx:stop_service(server)
  server.service, server.left = "offline", true
end

-- What a server does about one that counts as down. seen: the states of its groups, last heard.
local function decide(self, server, other, seen)
  if self.options.resolution == "witness" then
    if self.witness and not self.witness[server.name] then
      self:shut_down(server, "the witness is not reached")
      return
    elseif self.sides then
      self:pause(server, self.options.resolution_wait)
    end
  end
  if self.options.forced_stop ~= "none" and other.node.power then
    self:pause(server, self.options.forced_stop_time)
    if self.options.forced_stop == "fails" or self.power and not self.power[server.name] then
      self:tell(server, "the forced stop of %s failed: no failover", other.name)
      return
    end
    self:tell(server, "%s is stopped by force", other.name)
    self.stage.power_off(other.name)
  end
  for _, group in ipairs(self.groups) do
    local best = self:candidates(server, group, { [other.name] = true })[1]
    if groups.holds(seen[group.name]) and best == server and not self:holder(server, group) then
      if group.failover == "manual" then
        self:tell(server, "group %s: failover is manual", group.name)
      else
        self:tell(server, "group %s fails over from %s", group.name, other.name)
        group.previous = other.name
        self:start_group(group, server, "failover", { [other.name] = true })
      end
    end
  end
end

-- Another server is not heard any more.
local function peer_down(self, server, other, reason)
  local seen = server.seen[other.name] or {}
  server.down[other.name], server.deciding = true, true
  self:tell(server, "%s counts as down (%s)", other.name, reason)
  self:spawn(function()
    decide(self, server, other, seen)
    server.deciding = nil
  end)
end

-- A group that is found on two servers that hear each other (rc 92).
local function check_double(self)
  for _, group in ipairs(self.groups) do
    local active = {}
    for _, name in ipairs(group.servers) do
      local server = self.by_name[name]
      if group.on[name] == "online" and self:runs(server) then
        active[#active + 1] = server
      end
    end
    if #active > 1 and self:connected(active[1], active[2]) then
      table.sort(active, function(a, b)
        return group.since[a.name] < group.since[b.name]
      end)
      local which = self.options.double_active
      for i, server in ipairs(active) do
        if which == "both" or (which == "older") == (i == 1) then
          self:shut_down(server, "group " .. group.name .. " is on two servers")
        end
      end
    end
  end
end

-- What one server hears of another.
local function listen(self, server, other)
  local now, name = scheduler.now(), other.name
  if other.left then
    server.heard[name], server.seen[name] = now, nil
  elseif self:runs(other) and self:connected(server, other) then
    if server.seen_epoch[name] and server.seen_epoch[name] ~= other.epoch
      and not server.down[name] then
      peer_down(self, server, other, "it was started again")
    end
    if server.down[name] then
      self:tell(server, "%s is there again", name)
    end
    server.down[name], server.heard[name] = nil, now
    server.seen[name], server.seen_epoch[name] = copy_states(self, other), other.epoch
  elseif not server.down[name]
    and now - (server.heard[name] or now) > self.options.heartbeat_timeout then
    peer_down(self, server, other, "no heartbeat")
  end
end

local start_service

local function anybody_runs(self)
  for _, server in ipairs(self.servers) do
    if self:runs(server) then
      return true
    end
  end
  return false
end

local function tick(self)
  for _, server in ipairs(self.servers) do
    local node = server.node
    if server.service ~= "offline" and not (node.up and node.epoch == server.epoch) then
      server.service = "offline"
      for _, group in ipairs(self.groups) do
        group.on[server.name], group.busy[server.name] = nil, nil
      end
    end
    if server.service == "offline" and node.up and node.epoch ~= server.epoch
      and self.options.service_at_boot then
      server.epoch, server.service = node.epoch, "starting"
      self:spawn(function()
        self:pause(server, self.options.service_delay)
        start_service(self, server, anybody_runs(self))
      end)
    end
  end
  for _, server in ipairs(self.servers) do
    if self:runs(server) then
      for _, other in ipairs(self.servers) do
        if other ~= server then
          listen(self, server, other)
        end
      end
    end
  end
  check_double(self)
end

local function all_here(self, server)
  for _, other in ipairs(self.servers) do
    if not self:sees(server, other) then
      return false
    end
  end
  return true
end

-- What a server does that has joined: it learns where the groups are, and starts those that run
-- nowhere.
local function join(self, server)
  local waited = 0
  local function anybody()
    for _, group in ipairs(self.groups) do
      if self:holder(server, group) then
        return true
      end
    end
  end
  self:pause(server, 2 * self.options.heartbeat_interval)
  while not all_here(self, server) and not anybody() and waited < self.options.startup_wait do
    self:pause(server, 1)
    waited = waited + 1
  end
  for _, group in ipairs(self.groups) do
    local holder = self:holder(server, group)
    if holder and holder ~= server and server.returns then
      self:returned(group, server, holder)
    elseif not holder and group.startup == "auto" and not group.stopped
      and self:candidates(server, group)[1] == server then
      self:start_group(group, server, "start")
    end
  end
end

-- returns: others have been running before.
function start_service(self, server, returns)
  server.returns = returns
  server.service, server.epoch, server.left = "online", server.node.epoch, nil
  server.down, server.seen, server.heard, server.seen_epoch = {}, {}, {}, {}
  for _, other in ipairs(self.servers) do
    server.heard[other.name] = scheduler.now()
  end
  self:tell(server, "the cluster service runs")
  server.joining, server.deciding = true, nil
  self:watch_always(server)
  self:spawn(function()
    join(self, server)
    server.joining = nil
  end)
end

-- ---- what operators do -------------------------------------------------------------------------

-- Starts the cluster service on every server that has power.
function Ecx:start()
  for _, server in ipairs(self.servers) do
    if server.node.up and server.service == "offline" then
      start_service(self, server)
    end
  end
  if not self.started then
    self.started = true
    scheduler.spawn_family(function()
      local began = scheduler.now()
      while scheduler.now() - began < FOR_EVER do
        scheduler.sleep(self.options.heartbeat_interval)
        self.stage.world:advance()
        tick(self)
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
    local had = copy_states(self, server)
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
