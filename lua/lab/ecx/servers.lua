-- Servers of the model: heartbeats, what one does about another that is not heard any more
-- (witness, forced stop, failover), servers that come back, and a group that is found on two.
local groups = require("lab.ecx.groups")
local scheduler = require("core.scheduler")

local M = { methods = {} }

local methods = M.methods

-- The states of all groups on a server.
function methods:states(server)
  local states = {}
  for _, group in ipairs(self.groups) do
    states[group.name] = group.on[server.name]
  end
  return states
end

-- The service ends at once; then the operating system shuts down.
function methods:shut_down(server, why, reboot)
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

function methods:stop_service(server)
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
    server.seen[name], server.seen_epoch[name] = self:states(other), other.epoch
  elseif not server.down[name]
    and now - (server.heard[name] or now) > self.options.heartbeat_timeout then
    peer_down(self, server, other, "no heartbeat")
  end
end

local function anybody_runs(self)
  for _, server in ipairs(self.servers) do
    if self:runs(server) then
      return true
    end
  end
  return false
end

-- What happens at every heartbeat: who died, who booted, who hears whom.
function methods:tick()
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
        self:start_service(server, anybody_runs(self))
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
function methods:start_service(server, returns)
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

return M
