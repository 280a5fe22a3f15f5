-- takeover gpu list: every device, its state, and who has it.
local exit_codes = require("core.exit_codes")
local output = require("cli.output")
local problem_codes = require("failover.devices.problem_codes")
local situation = require("cli.situation")

local M = {}

local STATES = { "free", "held", "quarantined", "missing", "foreign" }

function M.define(command, cli)
  command:description([[
Shows every device that ExpEther Manager shows or parameters.lua names: its state, the node in whose
group it is, the virtual machine that has it assigned, its labels, what card it is and who says so.

  free         in the pool
  held         in the group of a node; with or without a virtual machine that has it
  quarantined  it failed lately on this node and is not offered for a while
  missing      declared or asked for, but ExpEther Manager does not show it
  foreign      in a group that is no node's in parameters.lua]])
  command:epilog(cli.exit_codes({ "ok", "configuration", "unknown" })
    .. "\n\nExamples:\n  takeover gpu list --state free --label purpose=training"
    .. "\n  takeover gpu list --html gpus.html")
  command:option("--node", "Only devices in this node's group"):argname("NAME"):target("on_node")
  command:option("--state", "Only devices in this state; may be given several times")
    :choices(STATES):argname("STATE"):count("*"):target("in_state")
  command:option("--label", "Only devices with this label; several: all of them")
    :argname("NAME=VALUE"):count("*")
  command:option("--box", "Only devices in this I/O box"):argname("NAME")
  command:option("--vm", "Only devices that this virtual machine has"):argname("VM")
  command:option("--html", "Write a page with the topology drawn, for a browser, to this file")
    :argname("FILE")
end

local colours = {
  free = "green", quarantined = "yellow", missing = "red", foreign = "yellow", up = nil,
}

local function passes(device, wanted)
  for name, value in pairs(wanted.labels) do
    if device.labels[name] ~= value then
      return false
    end
  end
  return (not wanted.node or device.node == wanted.node)
    and (not wanted.states or wanted.states[device.state])
    and (not wanted.box or device.box == wanted.box)
    and (not wanted.vm or device.vm == wanted.vm)
end

local function filter_of(arguments, s)
  local wanted = {
    labels = situation.labels(arguments.label), node = situation.node(s, arguments.on_node),
    box = arguments.box, vm = arguments.vm,
  }
  for _, state in ipairs(arguments.in_state or {}) do
    wanted.states = wanted.states or {}
    wanted.states[state] = true
  end
  return wanted
end

-- "vme2 (off)" where the machine does not run, "?" where nothing tells which device it has.
local function vm_words(device)
  if device.users then
    return table.concat(device.users, " or ") .. " ?"
  end
  return device.vm and device.vm .. (device.vm_running and "" or " (off)") or nil
end

local function show(devices)
  local rows, remarks = {}, {}
  for i, device in ipairs(devices) do
    local id = device.kind == "card" and device.name and device.id or "" -- a share's is a path
    rows[i] = {
      device.name or device.id, id, device.state, device.node,
      vm_words(device), situation.card_words(device), device.identity,
      situation.label_words(device.labels), device.box, device.link,
    }
    local plain = (device.state == "free" or device.state == "held" and not device.users
      and (device.link ~= "down" or not device.node)) and device.reachable ~= false
      and device.power ~= "off"
    if device.why and not plain then
      remarks[#remarks + 1] = ("%s: %s"):format(output.paint(device.name or device.id, "bold"),
        device.why)
    end
    local problem, remedy = problem_codes.explain(device.problem)
    if problem then
      remarks[#remarks + 1] = ("%s: on %s it has %s; %s"):format(
        output.paint(device.name or device.id, "bold"), device.node, problem, remedy)
    end
  end
  if #rows == 0 then
    output.line("no device")
    return
  end
  output.table({
    "device", "id", "state", "node", "vm", "card", "identity", "labels", "box", "link",
  }, rows, { colours = { [3] = function(cell)
    return colours[cell]
  end } })
  for i, remark in ipairs(remarks) do
    output.line("%s%s", i == 1 and "\n" or "", remark)
  end
end

-- Writes the page; what the filters leave out is not on it, and that is said.
local function write_page(file, seen, devices)
  local shown = {}
  for name, value in pairs(seen) do
    shown[name] = value
  end
  shown.devices = devices
  local page = require("cli.topology.page").of(shown, {
    at = require("loop").wall(),
    remark = #devices < #seen.devices and ("%d devices are left out by a filter."):format(
      #seen.devices - #devices) or nil,
  })
  require("fs").write(file, (require("log").redact(page)))
  output.line("wrote %s", file)
end

function M.run(arguments, program)
  local seen, s = situation.read(arguments, program, {
    nodes = "all", partitions = true, heartbeat = arguments.html ~= nil,
  })
  if not seen then
    return exit_codes.unknown
  end
  local wanted, list = filter_of(arguments, s), {}
  for _, device in ipairs(seen.devices) do
    if passes(device, wanted) then
      list[#list + 1] = device
    end
  end
  local json = require("json")
  output.document({
    devices = json.array(list), nodes = json.array(seen.nodes),
    warnings = json.array(seen.warnings),
  })
  if arguments.html then
    write_page(arguments.html, seen, list)
  elseif not output.is_json() then
    show(list)
  end
  return exit_codes.ok
end

return M
