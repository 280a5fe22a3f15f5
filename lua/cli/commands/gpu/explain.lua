-- takeover gpu explain: why a virtual machine gets a device, or none.
local exit_codes = require("core.exit_codes")
local output = require("cli.output")
local placement = require("failover.placement")
local situation = require("cli.situation")
local words = require("cli.gpu_words")
local find = require("core.lists").find

local M = {}

function M.define(command, cli)
  command:description([[
Shows every device of the cluster with the verdict on it for the requests of one virtual machine:
that it fits, or a code and a sentence why it does not; and what a start on each node would take
now, or why it would take nothing. The codes are listed in docs/placement.md. Changes nothing.]])
  command:epilog(cli.exit_codes({ "ok", "configuration", "no_device", "unknown" })
    .. "\n\nExample:\n  takeover gpu explain train1 --on ms2")
  command:argument("vm", "The virtual machine, by its name in the parameters")
  command:option("--on", "Only a start on this node"):argname("NODE")
  command:flag("--all", "Also devices that are something else than what is asked for")
  words.define_policy(command)
end

-- The verdict of every alternative of a request on a device: the first that fits, else the one that
-- comes nearest, which is what it is doing rather than what it is.
local function verdict(request, device, about)
  local best
  for number, criteria in ipairs(request.alternatives) do
    local objection = placement.judge(criteria, device, about)
    if not objection then
      return { fits = true, alternative = number }
    end
    local static = placement.reasons.is_static(objection.code)
    if not best or (best.static and not static) then
      best = {
        fits = false, alternative = number, code = objection.code, text = objection.text,
        static = static,
      }
    end
  end
  return best
end

local function judge_all(seen, vm, node)
  local list = {}
  for number, request in ipairs(vm.requests) do
    for _, device in ipairs(seen.devices) do
      local entry = verdict(request, device, { situation = seen, vm = vm, node = node })
      entry.request, entry.device = number, device
      list[#list + 1] = entry
    end
  end
  return list
end

-- What a start would do on the nodes.
local function starts(seen, vm, nodes, policy)
  local list = {}
  for _, node in ipairs(nodes) do
    local choice, rejection = placement.choose(seen, vm.key, node.name, policy)
    local entry = { node = node.name, reachable = node.reachable, drained = node.drained }
    if choice then
      entry.devices, entry.degraded, entry.reasons = choice.devices, choice.degraded, choice.reasons
    else
      entry.code, entry.text = rejection.code, rejection.text
    end
    list[#list + 1] = entry
  end
  return list
end

local function is_chosen(list, device, request)
  for _, start in ipairs(list) do
    for _, chosen in ipairs(start.devices or {}) do
      if chosen.device == device and chosen.request == request then
        return true
      end
    end
  end
  return false
end

local function show_request(document, number, request, all)
  output.line("%s wants %s%s%s", output.paint(document.vm, "bold"),
    request.count > 1 and request.count .. " x " or "", request.title,
    request.min < request.count and (" (%d will do)"):format(request.min) or "")
  local rows, other = {}, 0
  for _, entry in ipairs(document.verdicts) do
    if entry.request == number then
      if entry.static and not all then
        other = other + 1
      else
        local device = entry.device
        rows[#rows + 1] = {
          device.name or device.id, device.state, device.node, device.vm,
          entry.fits and (entry.chosen and "CHOSEN" or "fits") or entry.code,
          entry.text or (#request.alternatives > 1 and "alternative " .. entry.alternative) or "",
        }
      end
    end
  end
  if #rows > 0 then
    output.table({ "device", "state", "node", "vm", "verdict", "" }, rows, {
      indent = "  ", colours = { [5] = function(cell)
        return (cell == "CHOSEN" or cell == "fits") and "green" or "yellow"
      end },
    })
  end
  if other > 0 then
    output.line("  %d other device%s not what is asked for (--all shows %s)", other,
      other == 1 and " is" or "s are", other == 1 and "it" or "them")
  end
end

local function show(document, vm, all)
  for number, request in ipairs(vm.requests) do
    show_request(document, number, request, all)
  end
  output.line("")
  for _, start in ipairs(document.starts) do
    local remark = not start.reachable and " (the node does not answer)"
      or start.drained and " (the node is drained)" or ""
    if start.devices then
      output.line("%s%s: %s%s", output.paint("on " .. start.node, "bold"), remark,
        table.concat(start.reasons, "; "), start.degraded and output.paint(" DEGRADED", "yellow")
          or "")
    else
      output.line("%s%s: %s %s", output.paint("on " .. start.node, "bold"), remark,
        output.paint(start.code, "red"), start.text)
    end
  end
end

local function document_of(document, vm)
  local json = require("json")
  local result = { vm = document.vm, requests = {}, candidates = {}, starts = {} }
  for i, request in ipairs(vm.requests) do
    result.requests[i] = { title = request.title, count = request.count, min = request.min }
  end
  for i, entry in ipairs(document.verdicts) do
    result.candidates[i] = {
      request = entry.request, id = entry.device.id, title = entry.device.title,
      fits = entry.fits, alternative = entry.alternative, code = entry.code, text = entry.text,
      chosen = entry.chosen,
    }
  end
  for i, start in ipairs(document.starts) do
    result.starts[i] = {
      node = start.node, reachable = start.reachable, drained = start.drained, code = start.code,
      text = start.text, degraded = start.degraded,
      devices = start.devices and words.document(start.devices),
      reasons = start.reasons and json.array(start.reasons),
    }
  end
  for _, name in ipairs({ "requests", "candidates", "starts" }) do
    json.array(result[name])
  end
  return result
end

function M.run(arguments, program)
  local seen, s = situation.read(arguments, program, { nodes = "all", partitions = true })
  if not seen then
    return exit_codes.unknown
  end
  s:vm(arguments.vm)
  local vm = find(seen.vms, "key", arguments.vm)
  local only = situation.node(s, arguments.on)
  local node = only and find(seen.nodes, "name", only)
  local document = {
    vm = vm.key, verdicts = judge_all(seen, vm, node),
    starts = starts(seen, vm, node and { node } or seen.nodes,
      words.policy(arguments, s.parameters)),
  }
  local code = exit_codes.no_device
  for _, start in ipairs(document.starts) do
    code = start.devices and exit_codes.ok or code
  end
  for _, entry in ipairs(document.verdicts) do
    entry.chosen = is_chosen(document.starts, entry.device, entry.request)
  end
  if output.is_json() then
    output.document(document_of(document, vm))
  else
    show(document, vm, arguments.all)
  end
  return code
end

return M
