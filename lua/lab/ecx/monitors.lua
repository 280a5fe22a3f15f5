-- Custom monitors of the model (genw): a script at intervals, a retry before an error counts, then
-- recovery: restart of the resource, failover of the group, final action. Counts begin anew when
-- the monitor is seen normal.
local M = { methods = {} }

local methods = M.methods

-- One look. Gives whether it is normal, and why not.
local function look(self, group, server)
  local monitor = group.monitor
  local fine, why = self:script(group, server, "monitor", monitor.timeout, {
    quiet = true,
    ecx = { under_cluster = true }, -- genw gets no CLP_* that any public script relies on
  })
  if not fine and why == "timeout" and not monitor.timeout_counts then
    return true
  end
  return fine, why
end

local function has_target(group, server)
  return group.on[server.name] == "online" and not group.busy[server.name]
end

-- What is done about an error that lasts. Gives whether the group is about to leave or restart.
local function recover(self, group, server)
  local monitor = group.monitor
  local counts = group.recoveries
  if not has_target(group, server) then
    self:tell(server, "monitor: its target is not active: no recovery")
    return false
  end
  if monitor.recovery == "nothing" then
    return false
  elseif monitor.recovery == "restart" and counts.restarts < monitor.restarts then
    counts.restarts = counts.restarts + 1
    self:tell(server, "monitor: %s is started again", group.resource)
    self:restart_resource(group, server)
    return true
  elseif counts.failovers < monitor.failovers then
    local target = self:candidates(server, group, { [server.name] = true })[1]
    if not target then
      self:tell(server, "monitor: there is no server to fail over to")
      return false
    end
    counts.failovers = counts.failovers + 1
    self:tell(server, "monitor: group %s fails over to %s", group.name, target.name)
    self:relocate(group, server, target, "groupfailover", "failover")
    return true
  elseif not counts.final then
    counts.final = true
    self:final_action(group, server, monitor.final)
  end
  return false
end

-- Looks again and again until the target leaves this server. `epoch`: of this activation.
local function keep_watch(self, group, server, stays)
  local monitor, errors = group.monitor, 0
  self:pause(server, monitor.first_wait)
  while stays() do
    self:pause(server, monitor.interval)
    if not stays() then
      return
    end
    local fine, why = look(self, group, server)
    if not stays() then
      return
    end
    if fine then
      if errors > 0 or group.recoveries.restarts + group.recoveries.failovers > 0 then
        self:tell(server, "monitor: normal")
      end
      errors = 0
      group.recoveries = { restarts = 0, failovers = 0 }
    else
      errors = errors + 1
      self:tell(server, "monitor: error (%s)", why)
      if errors > monitor.retry then
        errors = 0
        if recover(self, group, server) and monitor.timing == "active" then
          return
        end
      end
    end
  end
end

-- The group has become active here: its monitor begins (timing active).
function methods:watch(group, server)
  group.recoveries = group.recoveries or { restarts = 0, failovers = 0 }
  if not group.monitor or group.monitor.timing ~= "active" then
    return
  end
  local since = group.since[server.name]
  self:spawn(function()
    keep_watch(self, group, server, function()
      return group.on[server.name] == "online" and group.since[server.name] == since
        and self:runs(server)
    end)
  end)
end

-- Monitors that look always, from the start of the cluster service on.
function methods:watch_always(server)
  for _, group in ipairs(self.groups) do
    if group.monitor and group.monitor.timing == "always" then
      group.recoveries = group.recoveries or { restarts = 0, failovers = 0 }
      local epoch = server.epoch
      self:spawn(function()
        keep_watch(self, group, server, function()
          return server.epoch == epoch and self:runs(server)
        end)
      end)
    end
  end
end

return M
