-- takeover status: where things are now.
local selection = require("failover.devices.selection")
local evidence = require("failover.safety.evidence")
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local loop = require("loop")
local output = require("cli.output")
local problem_codes = require("failover.devices.problem_codes")
local requests = require("failover.parameters.requests")
local scheduler = require("core.scheduler")
local session = require("cli.session")
local first_with = require("core.lists").find

local M = {}

function M.define(command, cli)
  command:description([[
Shows for each virtual machine where it is registered, its state and heartbeat; for each of its GPUs
the group in ExpEther Manager, the node that has this group, and the link; its last run in the
journal; and the devices that are in quarantine on this node. Asks every node that answers; where
none does, the exit code is 20. Changes nothing.]])
  command:epilog(cli.exit_codes({ "ok", "unknown", "configuration" })
    .. "\n\nExample:\n  takeover status vme2")
  command:argument("vm", "Only this virtual machine"):args("?")
end

-- fn(...) as a value: result, or nil and the failure's text.
local function try(fn, ...)
  local ok, result = loop.guard(fn, ...)
  if ok then
    return result
  end
  return nil, failure.is(result) and result.message or tostring(result)
end

local function find(vms, vm)
  for _, candidate in ipairs(vms) do
    if candidate.id == vm.id or (not vm.id and candidate.name == vm.name) then
      return candidate
    end
  end
end

-- One node's virtual machines, with what concerns ours.
local function look_at_node(c, name, wanted)
  local state, why = try(evidence.peer, c, name)
  if not (state and state.reachable) then
    return { node = name, reachable = false, reason = why or state.failure.message }
  end
  local hyperv, vms = c:peer(name).hyperv, state.vms
  local result = { node = name, reachable = true, vms = {} }
  for key, vm in pairs(wanted) do
    local found = find(vms, vm)
    if found then
      result.vms[key] = {
        node = name, id = found.id, state = found.state, health = found.health,
        uptime = found.uptime,
        heartbeat = found.state == "running" and try(hyperv.heartbeat, hyperv, found) or nil,
      }
    end
  end
  return result
end

local function look_at_nodes(c, parameters, wanted)
  local tasks, results = {}, {}
  for _, name in ipairs(require("failover.parameters.schema").sorted_keys(parameters.nodes)) do
    tasks[#tasks + 1] = { name = name, task = scheduler.spawn(look_at_node, c, name, wanted) }
  end
  for i, entry in ipairs(tasks) do
    local ok, result = scheduler.join(entry.task)
    if not ok then
      result = { node = entry.name, reachable = false, reason = tostring(result) }
    end
    results[i] = result
  end
  return results
end

local function node_of_group(parameters, group_id)
  for name, node in pairs(parameters.nodes) do
    if node.group_id == group_id then
      return name
    end
  end
end

local function entry_of(parameters, gpu)
  return {
    id = gpu.id, title = gpu.title, model = gpu.vendor and gpu.vendor .. ":" .. gpu.device,
    group_id = gpu.group_id, free = gpu.free, link = gpu.link, power = gpu.power,
    node = node_of_group(parameters, gpu.group_id),
  }
end

-- Of devices that are asked for by id, ExpEther Manager is asked one by one.
local function look_at_named(c, parameters, request)
  local id = requests.fixed(request)
  local ok, device = loop.guard(c.eem.device, c.eem, id)
  if not ok then
    return { id = id, reason = failure.is(device) and device.message or tostring(device) }
  end
  local declared = parameters.devices[id] or {}
  device.title = declared.name and declared.name .. " (" .. id .. ")" or id
  device.vendor = declared.vendor or device.vendor
  device.device = declared.device or device.device
  return entry_of(parameters, device)
end

-- Of devices that are asked for by description, those that the machine has; and what it lacks.
local function look_at_described(parameters, situation, key)
  local machine, list = first_with(situation.vms, "key", key), {}
  for i, id in ipairs(machine.devices) do
    local device = first_with(situation.devices, "id", id)
    list[i] = entry_of(parameters, device)
    list[i].free = device.state == "free"
  end
  if #list == 0 then
    for i, request in ipairs(parameters.vms[key].gpus) do
      list[i] = { title = request.title, reason = "none is connected for it" }
    end
  end
  return list,
    machine.degraded and selection.completing(situation, key, parameters.placement) or nil
end

-- What a machine has, and, where it runs with fewer devices than it wants, what would complete it.
local function look_at_gpus(c, parameters, key, seen)
  local vm = parameters.vms[key]
  if not selection.all_fixed(vm) then
    if not seen.situation then
      local ok, situation = loop.guard(require("failover.inventory").read, c,
        { known = { nodes = selection.silent_nodes(c) } })
      if not ok then
        local why = failure.is(situation) and situation.message or tostring(situation)
        return { { title = vm.gpus[1].title, reason = why } }
      end
      seen.situation = situation
    end
    return look_at_described(parameters, seen.situation, key)
  end
  local list = {}
  for i, request in ipairs(vm.gpus) do
    list[i] = look_at_named(c, parameters, request)
  end
  return list
end

-- What Windows reports of the cards of a model on a node; each node is asked once.
local function problem_on(c, node, model, seen)
  local key = node .. " " .. model
  seen.problems = seen.problems or {}
  if seen.problems[key] == nil then
    local pnp = try(function()
      return c:peer(node).pnp
    end)
    local vendor, device = model:match("^(%x+):(%x+)$")
    local shown = pnp and try(pnp.devices, pnp, {
      vendor = vendor, device = device, locations = false,
    })
    local text, remedy = problem_codes.of_devices(shown)
    seen.problems[key] = text and text .. "; " .. remedy or false
  end
  return seen.problems[key] or nil
end

-- Devices that failed lately, as this node remembers them.
local function look_at_quarantine(c)
  local list = {}
  for i, entry in ipairs(c.quarantine:list()) do
    list[i] = {
      id = entry.id, since = entry.since, ["until"] = entry["until"], count = entry.count,
      reason = entry.reason, node = entry.node,
      text = require("failover.devices.quarantine").describe(entry),
    }
  end
  return list
end

local function last_run(s, key)
  if not require("fs").find(s.parameters.journal) then
    return nil
  end
  local journal = try(s.journal, s, true)
  if not journal then
    return nil
  end
  local runs = try(journal.runs, journal, { vm = key, limit = 1 })
  journal:close()
  return runs and runs[1]
end

local state_colours = { running = "green", off = "yellow" }

local function show(document, answers)
  for _, node in ipairs(document.nodes) do
    if not node.reachable then
      output.line("%s %s: %s", output.paint("node", "bold"), node.node,
        output.paint("does not answer", "red") .. " (" .. node.reason .. ")")
    end
  end
  for _, vm in ipairs(document.vms) do
    output.line("%s", output.paint(vm.name, "bold"))
    if #vm.registered == 0 then
      output.line("  " .. (answers > 0 and "registered on no node that answers"
        or "its state cannot be told: no node answers"))
    end
    for _, entry in ipairs(vm.registered) do
      output.line("  on %s: %s%s%s", entry.node,
        output.paint(entry.state, state_colours[entry.state] or "red"),
        entry.heartbeat and ", heartbeat " .. entry.heartbeat or "",
        entry.state == "running" and entry.uptime and ", up " .. output.duration(entry.uptime)
          or "")
    end
    if vm.degraded then
      output.line("  %s: %s", output.paint("DEGRADED", "yellow"), vm.degraded)
    end
    for _, gpu in ipairs(vm.gpus) do
      output.line("  GPU %s: %s", gpu.title or gpu.id or "?", gpu.reason
        or ("%s, link %s, %s"):format(gpu.free and "free"
          or gpu.node and "connected to " .. gpu.node or "in a group of nobody here", gpu.link,
          "group " .. tostring(gpu.group_id)))
      if gpu.problem then
        output.line("    %s: %s", output.paint("Windows says", "yellow"), gpu.problem)
      end
    end
    local run = vm.last_run
    if run then
      output.line("  last run %s: %s on %s, %s", tostring(run.id), run.command, tostring(run.node),
        run.state or "running")
    end
  end
  for _, entry in ipairs(document.quarantine) do
    output.line("device %s: %s", output.paint(entry.id, "bold"), entry.text)
  end
end

function M.run(arguments, program)
  local s = session.open(arguments, program)
  local parameters, wanted = s.parameters, s.parameters.vms
  if arguments.vm then
    wanted = { [arguments.vm] = s:vm(arguments.vm) }
  end
  -- A management station is no node: any node's view will do to ask from.
  local here = try(s.node, s) or next(parameters.nodes)
  local c = s:context(nil, { node = here })
  local nodes = look_at_nodes(c, parameters, wanted)
  local document = { nodes = {}, vms = {} }
  local answers, answering, seen = 0, {}, {}
  for i, node in ipairs(nodes) do
    answers = answers + (node.reachable and 1 or 0)
    answering[node.node] = node.reachable
    document.nodes[i] = { node = node.node, reachable = node.reachable, reason = node.reason }
  end
  local json = require("json")
  for _, key in ipairs(require("failover.parameters.schema").sorted_keys(wanted)) do
    local registered = {}
    for _, node in ipairs(nodes) do
      registered[#registered + 1] = node.vms and node.vms[key] or nil
    end
    local gpus, degraded = look_at_gpus(c, parameters, key, seen)
    for _, gpu in ipairs(gpus) do
      if gpu.node and gpu.model and answering[gpu.node] then
        gpu.problem = problem_on(c, gpu.node, gpu.model, seen)
      end
    end
    document.vms[#document.vms + 1] = {
      name = key, registered = json.array(registered), gpus = json.array(gpus),
      last_run = last_run(s, key), degraded = degraded,
    }
  end
  document.quarantine = json.array(look_at_quarantine(c))
  c:close()
  for _, warning in ipairs(c.warnings) do
    output.complain(output.paint("warning: ", "yellow") .. warning)
  end
  show(document, answers)
  output.document(document)
  return answers > 0 and exit_codes.ok or exit_codes.unknown
end

return M
