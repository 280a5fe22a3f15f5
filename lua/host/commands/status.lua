-- takeover status: where things are now.
local exit_codes = require("host.exit_codes")
local failure = require("failure")
local loop = require("loop")
local output = require("host.output")
local requests = require("failover.parameters.requests")
local scheduler = require("host.scheduler")
local session = require("host.session")

local M = {}

function M.define(command, cli)
  command:description([[
Shows for each virtual machine where it is registered, its state and heartbeat; for each of its GPUs
the group in ExpEther Manager, the node that has this group, and the link; its last run in the
journal; and the devices that are in quarantine on this node. Asks every node that answers. Changes
nothing.]])
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
  local hyperv = c:peer(name).hyperv
  local vms, why = try(hyperv.vms, hyperv)
  if not vms then
    return { node = name, reachable = false, reason = why }
  end
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

local function look_at_gpus(c, parameters, vm)
  local list = {}
  for i, request in ipairs(vm.gpus) do
    local entry = { id = requests.fixed(request), title = request.title }
    local ok, gpu, device = loop.guard(require("failover.cards").choose, c, request)
    if ok then
      entry = {
        id = gpu.id, title = gpu.title, model = gpu.vendor .. ":" .. gpu.device,
        group_id = device.group_id, free = device.free, link = device.link,
        node = node_of_group(parameters, device.group_id), power = device.power,
      }
    else
      entry.reason = failure.is(gpu) and gpu.message or tostring(gpu)
    end
    list[i] = entry
  end
  return list
end

-- Devices that failed lately, as this node remembers them.
local function look_at_quarantine(c)
  local list = {}
  for i, entry in ipairs(c.quarantine:list()) do
    list[i] = {
      id = entry.id, since = entry.since, ["until"] = entry["until"], count = entry.count,
      reason = entry.reason, node = entry.node,
      text = require("failover.quarantine").describe(entry),
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

local function show(document)
  for _, node in ipairs(document.nodes) do
    if not node.reachable then
      output.line("%s %s: %s", output.paint("node", "bold"), node.node,
        output.paint("does not answer", "red") .. " (" .. node.reason .. ")")
    end
  end
  for _, vm in ipairs(document.vms) do
    output.line("%s", output.paint(vm.name, "bold"))
    if #vm.registered == 0 then
      output.line("  registered on no node that answers")
    end
    for _, entry in ipairs(vm.registered) do
      output.line("  on %s: %s%s%s", entry.node,
        output.paint(entry.state, state_colours[entry.state] or "red"),
        entry.heartbeat and ", heartbeat " .. entry.heartbeat or "",
        entry.state == "running" and entry.uptime and ", up " .. output.duration(entry.uptime)
          or "")
    end
    for _, gpu in ipairs(vm.gpus) do
      output.line("  GPU %s: %s", gpu.title or gpu.id or "?", gpu.reason
        or ("%s, link %s, %s"):format(gpu.free and "free"
          or gpu.node and "connected to " .. gpu.node or "in a group of nobody here", gpu.link,
          "group " .. tostring(gpu.group_id)))
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
  local answers = 0
  for i, node in ipairs(nodes) do
    answers = answers + (node.reachable and 1 or 0)
    document.nodes[i] = { node = node.node, reachable = node.reachable, reason = node.reason }
  end
  local json = require("json")
  for _, key in ipairs(require("failover.parameters.schema").sorted_keys(wanted)) do
    local registered = {}
    for _, node in ipairs(nodes) do
      registered[#registered + 1] = node.vms and node.vms[key] or nil
    end
    local gpus = look_at_gpus(c, parameters, wanted[key])
    for _, gpu in ipairs(gpus) do
      answers = answers + (gpu.group_id and 1 or 0)
    end
    document.vms[#document.vms + 1] = {
      name = key, registered = json.array(registered), gpus = json.array(gpus),
      last_run = last_run(s, key),
    }
  end
  document.quarantine = json.array(look_at_quarantine(c))
  c:close()
  for _, warning in ipairs(c.warnings) do
    output.complain(output.paint("warning: ", "yellow") .. warning)
  end
  show(document)
  output.document(document)
  return answers > 0 and exit_codes.ok or exit_codes.unknown
end

return M
