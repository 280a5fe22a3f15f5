-- takeover vm list: every virtual machine of parameters.lua, where it is, and what it has.
local exit_codes = require("core.exit_codes")
local output = require("cli.output")
local situation = require("cli.situation")

local M = {}

-- Hyper-V's words, and the two of the inventory.
local STATES = {
  "running", "off", "saved", "paused", "starting", "stopping", "saving", "pausing", "resuming",
  "critical", "unknown", "absent",
}

function M.define(command, cli)
  command:description([[
Shows every virtual machine of parameters.lua: the node where it is registered, its state and
heartbeat as Hyper-V tells them, and the devices that it has. "degraded" runs with fewer devices
than it asks for; "absent" is on no node; "unknown" is on none of the nodes that answer.]])
  command:epilog(cli.exit_codes({ "ok", "configuration", "unknown" })
    .. "\n\nExample:\n  takeover vm list --node ms1 --state running")
  command:option("--node", "Only virtual machines on this node"):argname("NAME"):target("on_node")
  command:option("--state", "Only those in this state; may be given several times")
    :choices(STATES):argname("STATE"):count("*"):target("in_state")
  command:flag("--degraded", "Only those that run with fewer devices than they ask for")
end

local colours = { running = "green", off = "yellow", absent = "yellow" }

local function passes(vm, wanted)
  return (not wanted.node or vm.node == wanted.node)
    and (not wanted.states or wanted.states[vm.state])
    and (not wanted.degraded or vm.degraded)
end

local function device_words(vm, names)
  local words = {}
  for i, id in ipairs(vm.devices) do
    words[i] = names[id] or id
  end
  if vm.unresolved then
    words[#words + 1] = ("%d that cannot be told apart"):format(vm.unresolved)
  end
  if (vm.other or 0) > 0 then
    words[#words + 1] = ("%d not known to ExpEther Manager"):format(vm.other)
  end
  local text = table.concat(words, ", ")
  return vm.guessed and "(" .. text .. ")" or text
end

local function show(vms, devices)
  local names, rows, guessed = {}, {}, false
  for _, device in ipairs(devices) do
    names[device.id] = device.name
  end
  for i, vm in ipairs(vms) do
    guessed = guessed or vm.guessed
    local wants = {}
    for k, request in ipairs(vm.requests) do
      local id = request.alternatives[1].id
      wants[k] = names[id] or request.title
    end
    rows[i] = {
      vm.key, vm.node, vm.state, vm.heartbeat, vm.uptime and vm.running
        and output.duration(vm.uptime) or nil,
      device_words(vm, names), table.concat(wants, ", "), vm.degraded and "degraded" or nil,
    }
  end
  if #rows == 0 then
    output.line("no virtual machine")
    return
  end
  output.table({ "vm", "node", "state", "heartbeat", "up", "devices", "asks for", "" }, rows, {
    colours = {
      [3] = function(cell)
        return colours[cell] or "red"
      end,
      [8] = function()
        return "yellow"
      end,
    },
  })
  if guessed then
    output.line("\n(in brackets: not assigned, but in its node's group and asked for by it alone)")
  end
end

function M.run(arguments, program)
  local seen, s = situation.read(arguments, program, {
    nodes = "all", heartbeat = true, partitions = true, eem = "optional",
  })
  local wanted = {
    node = situation.node(s, arguments.on_node), degraded = arguments.degraded, states = nil,
  }
  for _, state in ipairs(arguments.in_state or {}) do
    wanted.states = wanted.states or {}
    wanted.states[state] = true
  end
  local list, answers = {}, 0
  for _, vm in ipairs(seen.vms) do
    if passes(vm, wanted) then
      list[#list + 1] = vm
    end
  end
  for _, node in ipairs(seen.nodes) do
    answers = answers + (node.reachable and 1 or 0)
  end
  local json = require("json")
  output.document({ vms = json.array(list), warnings = json.array(seen.warnings) })
  if not output.is_json() then
    show(list, seen.devices)
  end
  return answers > 0 and exit_codes.ok or exit_codes.unknown
end

return M
