-- What a model of EXPRESSCLUSTER can be told: names, defaults, which values are possible. Sources:
-- docs/facts/ecx-eem.md#1. What that marks as UNVERIFIED or INFER is a field here, so that a
-- scenario can play it both ways.
local M = {}

-- Of the whole cluster.
M.cluster = {
  heartbeat_interval = 3, -- seconds
  heartbeat_timeout = 30, -- seconds without a heartbeat until a server counts as down
  service_delay = 10, -- seconds from a server's boot until its cluster service runs
  service_at_boot = true,
  startup_wait = 60, -- seconds that the first server waits for the others before it starts groups
  shutdown_time = 20, -- seconds that the operating system takes to shut down
  resolution = "none", -- of a network partition: "witness": who does not reach it shuts down
  resolution_wait = 30, -- seconds that the side with the witness waits for the other's shutdown
  forced_stop = "none", -- "works": a server that counts as down is powered off first; "fails"
  forced_stop_time = 5,
  double_active = "both", -- which server of a group on two servers shuts down: "older", "newer"
  shutdown_fails_over = true, -- the groups of a server that an operator shuts down
  event_after_shutdown = "failover", -- CLP_EVENT then; "start"
  variables = "all", -- of scripts; "verified": only those that public scripts are seen to use
}

-- Of one failover group with a shared disk and a script resource.
M.group = {
  group = "Failover-vme2",
  vm = "vme2",
  servers = { "ms1", "ms2" }, -- by priority: the first is HOME
  disk = "G:", -- false: no disk resource
  disk_time = 1, -- seconds to connect or disconnect it
  disk_in_split = "taken", -- a disk that a live server still has is "taken" from it, or "refused"
  disk_failure = "fails", -- the disk's activation fails; "go on": the script gets CLP_DISK=FAILURE
  resource = "script-vme2",
  startup = "auto", -- "manual": the start of the cluster does not start it
  failback = "manual", -- "auto": back to HOME when that returns
  failover = "auto", -- "manual": a server's end does not start it elsewhere
  judged = true, -- normal return value 0; false: left blank, no exit code counts
  start_timeout = 1800,
  stop_timeout = 1800,
  start_retry = 1,
  failovers = 1, -- after failed activations, until it works once
  start_final = "nothing", -- see `final`
  stop_retry = 0,
  stop_final = "shutdown",
  stop_after_failed_start = true, -- the stop script runs before the failover
  recover = "none", -- a returning server runs "start" (with CLP_EVENT=RECOVER), "start, recover"
  monitor = false,
}

M.monitor = {
  interval = 60,
  timeout = 120,
  retry = 1,
  timing = "active", -- "always"
  first_wait = 0, -- seconds after activation
  timeout_counts = true, -- a killed monitor script is an error
  unknown = "normal", -- what genw.bat makes of "unknown"; "error": it hands exit code 20 on
  recovery = "failover", -- "restart": once, then failover; "nothing"
  restarts = 1,
  failovers = 1, -- until it is seen normal
  final = "nothing",
}

local final = { "go on", "nothing", "stop group", "stop service", "shutdown", "reboot",
  "stop error" }

local choices = {
  resolution = { "none", "witness" }, forced_stop = { "none", "works", "fails" },
  double_active = { "both", "older", "newer" }, event_after_shutdown = { "failover", "start" },
  variables = { "all", "verified" }, disk_in_split = { "taken", "refused" },
  disk_failure = { "fails", "go on" }, startup = { "auto", "manual" },
  failover = { "auto", "manual" }, failback = { "auto", "manual" }, start_final = final,
  stop_final = final, final = final, recover = { "none", "start", "start, recover" },
  unknown = { "normal", "error" }, timing = { "active", "always" },
  recovery = { "failover", "restart", "nothing" },
}

local function check(what, name, value, default, complain)
  local allowed = choices[name]
  if allowed then
    for _, word in ipairs(allowed) do
      if word == value then
        return
      end
    end
    complain("%s: %s is one of %s, not %q", what, name, table.concat(allowed, ", "),
      tostring(value))
  elseif type(default) == "number" and (type(value) ~= "number" or value < 0) then
    complain("%s: %s is a number, not %q", what, name, tostring(value))
  elseif type(default) == "boolean" and name ~= "monitor" and type(value) ~= "boolean" then
    complain("%s: %s is true or false", what, name)
  end
end

-- The defaults with what is given laid over them; takes the keys that it knows out of `rest`.
local function take(what, defaults, rest, complain)
  local result = {}
  for name, default in pairs(defaults) do
    local value = rest[name]
    if value == nil then
      value = default
    else
      rest[name] = nil
      check(what, name, value, default, complain)
    end
    result[name] = value
  end
  return result
end

local function none_left(what, rest, complain)
  local name = next(rest)
  if name ~= nil then
    complain("%s has no field %q", what, tostring(name))
  end
end

local function copy(t)
  local result = {}
  for key, value in pairs(t) do
    result[key] = value
  end
  return result
end

local function read_group(given, complain)
  local rest = copy(given)
  local group = take("ecx", M.group, rest, complain)
  none_left("ecx", rest, complain)
  if group.monitor then
    local monitor = copy(group.monitor)
    group.monitor = take("monitor", M.monitor, monitor, complain)
    none_left("monitor", monitor, complain)
  end
  return group
end

-- `given`: fields of the cluster, and of its one group, or of several in `groups`. Gives the
-- cluster's fields and the list of groups. complain(format, ...) raises.
---@return table cluster, table[] groups
function M.read(given, complain)
  local rest = copy(given)
  local cluster = take("ecx", M.cluster, rest, complain)
  local groups = {}
  if rest.groups then
    for i, group in ipairs(rest.groups) do
      groups[i] = read_group(group, complain)
    end
    rest.groups = nil
    none_left("ecx with groups", rest, complain)
  else
    groups[1] = read_group(rest, complain)
  end
  return cluster, groups
end

return M
