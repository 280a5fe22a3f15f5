-- The words of a story in which EXPRESSCLUSTER decides (docs/scenarios.md, EXPRESSCLUSTER): the
-- model of lab/ecx/init.lua on this story's world.
local ecx = require("lab.ecx")
local failure = require("failure")
local run = require("lab.story.run")
local scheduler = require("core.scheduler")

local M = {}

local PATIENCE = 4 * 3600 -- seconds that a story waits for the cluster to settle

local function stage_of(story, v)
  return {
    world = story.world,
    tell = function(...)
      story:tell(...)
    end,
    run = function(command, vm, node, options)
      local made = run.launch(story, command, vm, node, options)
      table.insert(story.ecx_runs, made)
      return made
    end,
    power_off = v.kill,
    power_on = function(node)
      story:tell("%-4s gets power", node)
      story.world:admin("boot", { node = node })
    end,
    complain = function(...)
      story:complain(...)
    end,
    broken = function(text)
      story.broken = story.broken or text
    end,
  }
end

local function manager(story)
  return story.ecx or story:complain("ecx { ... } comes before this")
end

local function server_named(story, name)
  return manager(story).by_name[name]
    or story:complain("ecx: there is no server %s", tostring(name))
end

-- The group of this name; without a name the only one.
local function group_named(story, name)
  local groups = manager(story).groups
  if name == nil and #groups == 1 then
    return groups[1]
  end
  for _, group in ipairs(groups) do
    if group.name == name then
      return group
    end
  end
  story:complain("ecx: there is no group %s", tostring(name))
end

local function where_is(cluster, group)
  for _, server in ipairs(cluster.servers) do
    local state = group.on[server.name]
    if state and state ~= "offline" and cluster:runs(server) then
      return server, state
    end
  end
end

-- clpgrp -t, from a script of Takeover.
local function stopped_by_command(story, name)
  local done, group = nil, nil
  for _, known in ipairs(manager(story).groups) do
    group = known.name == name and known or group
  end
  local source = group and where_is(manager(story), group)
  if not source then
    failure.raise({
      code = "ECX_FAILED", target = name, message = "clpgrp: the group is not online: " .. name,
    })
  end
  story:tell("     clpgrp -t %s", name)
  manager(story):spawn(function()
    done = manager(story):stop_group(group, source, "groupstop")
    group.stopped = done
  end)
  while done == nil do
    scheduler.sleep(0.5)
    story.world:advance()
  end
  if not done then
    failure.raise({
      code = "ECX_FAILED", target = name, message = "clpgrp: the group cannot be stopped",
    })
  end
  return true
end

local function operator_words(story, v)
  -- The cluster that manages the virtual machines of this story; nothing runs before ecx_start.
  function v.ecx(options)
    story.ecx_runs = {}
    story.ecx = ecx.new(stage_of(story, v), options or {})
    story.world.cluster_manager = function(group)
      return stopped_by_command(story, group)
    end
  end
  -- The cluster service of every server that has power.
  function v.ecx_start()
    story:tell("     the cluster is started")
    manager(story):start()
  end
  -- The cluster is stopped: every group, then the services. The servers keep their power.
  function v.ecx_stop()
    story:tell("     the cluster is stopped")
    manager(story):stop(false)
  end
  -- A server is shut down, and its groups go elsewhere; without a name the whole cluster is.
  function v.ecx_shutdown(name)
    if name then
      manager(story):shutdown_server(server_named(story, name))
    else
      story:tell("     the cluster is shut down")
      manager(story):stop(true)
    end
  end
  -- An operator moves a group.
  function v.ecx_move(target, name)
    local group = group_named(story, name)
    local source = where_is(manager(story), group)
    if not source then
      story:complain("group %s is nowhere", group.name)
    end
    story:tell("     group %s is moved to %s", group.name, target)
    manager(story):relocate(group, source, server_named(story, target), "groupmove", "start")
  end
  function v.ecx_group_stop(name)
    local group = group_named(story, name)
    local source = where_is(manager(story), group)
    if not source then
      story:complain("group %s is nowhere", group.name)
    end
    story:tell("     group %s is stopped", group.name)
    manager(story):spawn(function()
      if manager(story):stop_group(group, source, "groupstop") then
        group.stopped = true
      end
    end)
  end
  function v.ecx_group_start(server, name)
    local group = group_named(story, name)
    story:tell("     group %s is started on %s", group.name, server)
    manager(story):start_group(group, server_named(story, server), "start")
  end
end

local function happening_words(story, v)
  -- Cuts a server off from the others: heartbeats, and each other's management services. options:
  -- witness, eem, power: lists of the servers that still reach these (default: witness the others,
  -- EEM and power switches all); management = true: the management services are still reached.
  function v.ecx_partition(name, options)
    options = options or {}
    server_named(story, name)
    story:tell("%-4s and the others do not reach each other", name)
    local cluster = manager(story)
    cluster:partition({ name }, options.witness, options.power)
    local reach_eem = {}
    for _, server in ipairs(options.eem or {}) do
      reach_eem[server] = true
    end
    story.world.cut = function(from, target)
      if target == "eem" then
        return options.eem ~= nil and not reach_eem[from]
      end
      return not options.management and cluster.sides ~= nil
        and cluster.sides[from] ~= cluster.sides[target]
    end
  end
  function v.ecx_heal()
    story:tell("     the servers reach each other again")
    manager(story):heal()
    story.world.cut = nil
  end
  -- The disk of the group cannot be connected the next so many times.
  function v.ecx_disk_fails(times, name)
    group_named(story, name).disk_faults = times
  end
  -- Waits until nothing is under way and nothing is still to be noticed.
  function v.ecx_settle()
    local cluster, began = manager(story), scheduler.now()
    repeat
      scheduler.sleep(1)
      story.world:advance()
      story:check_world()
      if scheduler.now() - began > PATIENCE then
        story:complain("the cluster does not settle")
      end
    until cluster:is_quiet()
  end
end

local function looking_words(story, v)
  -- The last run of a script; of one server, or of any.
  function v.ecx_last(command, node)
    manager(story)
    for i = #story.ecx_runs, 1, -1 do
      local made = story.ecx_runs[i]
      if made.command == command and (node == nil or made.node == node) then
        return made
      end
    end
    story:complain("ecx has not run %s%s", command, node and " on " .. node or "")
  end
  -- state: "online", "offline" (nowhere), "online failure", "offline failure", "... pending"
  function v.expect_group(name, server, state)
    local cluster, group = manager(story), group_named(story, name)
    local at, is = where_is(cluster, group)
    at = at and at.name or nil
    if at ~= server or (is or "offline") ~= state then
      story:complain("expected group %s %s on %s, it is %s on %s", name, state,
        server or "no server", is or "offline", at or "no server")
    end
  end
  -- Whether its cluster service runs.
  function v.expect_server(name, runs)
    local cluster, server = manager(story), server_named(story, name)
    if cluster:runs(server) ~= (runs ~= false) then
      story:complain("the cluster service of %s %s", name, runs and "does not run" or "runs")
    end
  end
  -- How often a script has been run; of one server, or of any.
  function v.expect_scripts(command, times, node)
    manager(story)
    local count = 0
    for _, made in ipairs(story.ecx_runs) do
      if made.command == command and (node == nil or made.node == node) then
        count = count + 1
      end
    end
    if count ~= times then
      story:complain("expected %d runs of %s%s, there were %d", times, command, node and " on "
        .. node or "", count)
    end
  end
  -- What the cluster knows, as a plain table: servers = { ms1 = "online" }, groups = { name =
  -- { server, state } }.
  function v.ecx_state()
    local cluster, state = manager(story), { servers = {}, groups = {} }
    for _, server in ipairs(cluster.servers) do
      state.servers[server.name] = cluster:runs(server) and "online" or "offline"
    end
    for _, group in ipairs(cluster.groups) do
      local at, is = where_is(cluster, group)
      state.groups[group.name] = { server = at and at.name, state = is or "offline" }
    end
    return state
  end
end

-- Adds the words to the vocabulary `v` of a story.
function M.add(story, v)
  operator_words(story, v)
  happening_words(story, v)
  looking_words(story, v)
end

return M
