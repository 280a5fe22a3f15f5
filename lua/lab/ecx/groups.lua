-- Failover groups of the model: what ECX does to start one, to stop one and to take it elsewhere,
-- with retries, thresholds and final actions. Runs in tasks that live on the server concerned.
local exit_codes = require("core.exit_codes")
local scheduler = require("core.scheduler")

local M = { methods = {} }

local methods = M.methods

-- Has a server anything of a group in this state, even half of it?
function M.holds(state)
  return state ~= nil and state ~= "offline"
end

local function set_state(self, group, server, state)
  group.on[server.name] = state
  group.since[server.name] = scheduler.now()
  self:tell(server, "group %s: %s", group.name, state)
  for _, other in ipairs(self.servers) do -- the others learn it at once, not by the next heartbeat
    local seen = other.seen[server.name]
    if seen and self:runs(other) and self:connected(server, other) then
      seen[group.name] = state
    end
  end
end

-- ---- scripts -----------------------------------------------------------------------------------

-- What ECX gives to a script, in the words of ecx.environment(). The value of CLP_EVENT in a stop
-- script is the event that started the group.
local function variables(self, group, server, factor, disk)
  local given = {
    event = group.events[server.name], factor = factor, disk = disk,
    server = group.servers[1] == server.name and "home" or "other",
    script_path = ([[C:\Program Files\EXPRESSCLUSTER\scripts\%s\%s]]):format(group.name,
      group.resource),
    path = [[C:\Program Files\EXPRESSCLUSTER]], os = "Windows Server 2022", under_cluster = true,
  }
  if self.options.variables == "all" then
    given.group, given.resource = group.name, group.resource
    given.previous_server = group.previous
    for i, name in ipairs(group.servers) do
      if name == server.name then
        given.priority = i
      end
    end
  end
  return given
end

-- Runs `takeover <command>` as a script of a group. A script whose time is up is killed. Gives
-- whether ECX takes its end for normal, and why not.
function methods:script(group, server, command, timeout, options)
  local epoch = server.node.epoch
  local run = self.stage.run(command, group.vm, server.name, options)
  local timed_out = false
  scheduler.spawn_family(function()
    scheduler.sleep(timeout)
    if not run.ended then
      timed_out = true
      self:tell(server, "the %s script has had its %g s and is killed", command, timeout)
      run:kill()
    end
  end)
  run:wait()
  self:check_alive(server, epoch)
  if timed_out then
    return false, "timeout"
  end
  local code = exit_codes[run.exit]
  if code == 0 or (not group.judged and command ~= "monitor") then
    return true
  elseif command == "monitor" and run.exit == "unknown" and group.monitor.unknown == "normal" then
    return true
  end
  return false, ("exit code %s"):format(code or "none")
end

-- ---- resources ---------------------------------------------------------------------------------

-- Connects the disk. Gives CLP_DISK, or nil when the resource failed.
local function connect_disk(self, group, server)
  if not group.disk then
    return "success"
  end
  self:pause(server, group.disk_time)
  local owner = self:disk_owner(group.disk)
  local other = owner and owner ~= server.name and self.by_name[owner]
  local failed = group.disk_faults > 0
  if failed then
    group.disk_faults = group.disk_faults - 1
  elseif other and other.node.up and group.disk_in_split == "refused" then
    failed = true
  end
  if not failed then
    self.stage.world:admin("move disk", { disk = group.disk, node = server.name })
    return "success"
  end
  self:tell(server, "disk %s cannot be connected", group.disk)
  return group.disk_failure == "go on" and "failure" or nil
end

local function disconnect_disk(self, group, server)
  if group.disk then
    self:pause(server, group.disk_time)
    if self:disk_owner(group.disk) == server.name then
      self.stage.world:admin("move disk", { disk = group.disk })
    end
  end
end

function methods:disk_owner(disk)
  return self.stage.world.disks[disk:sub(1, 1):upper()].owner
end

-- Starts the resources, again after a failure as often as start_retry says.
local function activate(self, group, server, event)
  group.events[server.name] = event
  for try = 0, group.start_retry do
    local disk, fine, why = connect_disk(self, group, server), false, "the disk"
    if disk then
      fine, why = self:script(group, server, "start", group.start_timeout, {
        event = event, ecx = variables(self, group, server, nil, disk),
      })
    end
    if fine then
      return true
    end
    self:tell(server, "activation of %s failed (%s)%s", group.resource, why,
      try < group.start_retry and "; once more" or "")
  end
  return false
end

-- Stops the resources, in the other order.
local function deactivate(self, group, server, factor)
  for try = 0, group.stop_retry do
    local fine, why = self:script(group, server, "stop", group.stop_timeout, {
      ecx = variables(self, group, server, factor, "success"),
    })
    if fine then
      disconnect_disk(self, group, server)
      return true
    end
    self:tell(server, "deactivation of %s failed (%s)%s", group.resource, why,
      try < group.stop_retry and "; once more" or "")
  end
  return false
end

-- A final action (docs/facts/ecx-eem.md#1.2). Gives true where things go on as if nothing had
-- failed.
function methods:final_action(group, server, action)
  self:tell(server, "group %s: final action: %s", group.name, action)
  if action == "go on" then
    return true
  elseif action == "stop group" then
    self:stop_group(group, server, "groupstop")
  elseif action == "stop service" then
    group.on[server.name] = nil
    server.service = "offline"
  elseif action == "shutdown" or action == "reboot" then
    self:shut_down(server, "final action", action == "reboot")
  elseif action == "stop error" then
    self.stage.power_off(server.name)
  end
  return false
end

-- ---- groups ------------------------------------------------------------------------------------

-- Stops a group on a server, in the running task. Gives whether it is stopped; if not, the final
-- action has been taken.
function methods:stop_group(group, server, factor)
  group.busy[server.name] = true
  set_state(self, group, server, "offline pending")
  local stopped = deactivate(self, group, server, factor)
  group.busy[server.name] = nil
  if not stopped then
    set_state(self, group, server, "offline failure")
    if not self:final_action(group, server, group.stop_final) then
      return false
    end
    group.busy[server.name] = true
    disconnect_disk(self, group, server)
    group.busy[server.name] = nil
  end
  set_state(self, group, server, "offline")
  return true
end

-- Its activation failed on `server`: it is stopped there and tried on the next one, or the final
-- action is taken.
local function activation_failed(self, group, server, tried)
  set_state(self, group, server, "online failure")
  tried[server.name] = true
  local target = self:candidates(server, group, tried)[1]
  if group.failed_over >= group.failovers or not target then
    self:tell(server, "group %s: %s", group.name, target and "no failover is left"
      or "there is no server to fail over to")
    if self:final_action(group, server, group.start_final) then
      set_state(self, group, server, "online")
    end
    return
  end
  group.failed_over = group.failed_over + 1
  self:tell(server, "group %s fails over to %s, because its activation failed", group.name,
    target.name)
  if not group.stop_after_failed_start then
    group.busy[server.name] = true
    disconnect_disk(self, group, server)
    group.busy[server.name] = nil
    set_state(self, group, server, "offline")
  elseif not self:stop_group(group, server, "groupfailover") then
    return
  end
  group.previous = server.name
  self:start_group(group, target, "failover", tried)
end

-- Starts a group on a server, in a task of its own. tried: servers that are out of the question.
function methods:start_group(group, server, event, tried)
  if not self:runs(server) then
    self:tell(server, "group %s cannot be started: the server does not answer", group.name)
    return
  end
  group.busy[server.name], group.stopped = true, nil
  set_state(self, group, server, "online pending")
  self:spawn(function()
    self:check_alive(server, server.epoch)
    local fine = activate(self, group, server, event)
    group.busy[server.name] = nil
    if fine then
      group.failed_over = 0
      set_state(self, group, server, "online")
      self:watch(group, server)
    else
      activation_failed(self, group, server, tried or {})
    end
  end)
end

-- Stops it on one server and starts it on another.
function methods:relocate(group, server, target, factor, event)
  group.busy[server.name] = true
  self:spawn(function()
    self:check_alive(server, server.epoch)
    if self:stop_group(group, server, factor) then
      group.previous = server.name
      self:start_group(group, target, event, factor == "groupfailover"
        and { [server.name] = true } or nil)
    end
  end)
end

-- The script resource alone is stopped and started again.
function methods:restart_resource(group, server)
  group.busy[server.name] = true
  set_state(self, group, server, "online pending")
  if not deactivate(self, group, server, "resourcerestart") then
    group.busy[server.name] = nil
    set_state(self, group, server, "offline failure")
    self:final_action(group, server, group.stop_final)
    return
  end
  group.busy[server.name] = nil
  self:start_group(group, server, "start")
end

-- A server has come back while another one has the group.
function methods:returned(group, server, holder)
  if group.recover ~= "none" then
    group.events[server.name] = "recover"
    group.busy[server.name] = true
    self:script(group, server, "start", group.start_timeout, {
      event = "recover", ecx = variables(self, group, server, nil, "success"),
    })
    if group.recover == "start, recover" then
      self:script(group, server, "recover", group.start_timeout, {
        ecx = variables(self, group, server, nil, "success"),
      })
    end
    group.busy[server.name] = nil
  end
  if group.failback == "auto" and group.servers[1] == server.name then
    while group.busy[holder.name] do
      self:pause(server, 1)
    end
    if group.on[holder.name] == "online" then
      self:tell(server, "group %s goes back to its home", group.name)
      self:relocate(group, holder, server, "groupmove", "start")
    end
  end
end

return M
