-- takeover gpu place: the plan for many virtual machines, without doing it.
local exit_codes = require("core.exit_codes")
local output = require("cli.output")
local placement = require("failover.placement")
local situation = require("cli.situation")
local words = require("cli.gpu_words")

local M = {}

function M.define(command, cli)
  command:description([[
Shows where virtual machines would go, with which devices and why, or why not: all of them, or those
that are named. Running ones stay where they are. It says whether the plan is optimal: whether no
other plan places more of the highest priority, then of the next. Nothing is done.]])
  command:epilog(cli.exit_codes({ "ok", "configuration", "no_device", "unknown" })
    .. "\n\nExample:\n  takeover gpu place --all\n  takeover gpu place train1 train2")
  command:argument("vms", "Only these; the others that do not run leave them every device")
    :args("*"):argname("VM")
  command:flag("--all", "Every virtual machine; the same as naming none")
  command:option("--leave", "As if everything had to leave this node; may be given several times")
    :argname("NODE"):count("*")
  command:flag("--anew", "As if running ones might be moved, too")
  words.define_policy(command)
end

local function set_of(s, names)
  local set
  for _, name in ipairs(names or {}) do
    set = set or {}
    set[situation.node(s, name)] = true
  end
  return set
end

-- Keys of those that the answer is about.
local function asked(seen, arguments)
  local named, list = {}, {}
  for _, key in ipairs(arguments.vms or {}) do
    named[key] = true
  end
  for _, vm in ipairs(seen.vms) do
    if #vm.requests > 0 and (next(named) == nil or named[vm.key]) then
      list[#list + 1] = vm
    end
  end
  return list
end

local function move_words(move)
  local device = move.device
  if move.kind == "vm" then
    return ("%s moves from %s to %s"):format(move.vm, move.from, move.to)
  elseif move.kind == "release" then
    return ("%s is taken off %s, which makes room"):format(device.title, move.from)
  end
  return ("%s comes to %s from %s, for %s"):format(device.title, move.to,
    move.from or "the pool", move.vm)
end

local function show(plan, vms)
  local rows, left_out = {}, {}
  for _, vm in ipairs(vms) do
    local entry, rejection = plan.placed[vm.key], plan.unplaced[vm.key]
    if entry then
      rows[#rows + 1] = {
        vm.key, vm.priority, entry.node, words.devices(entry.devices)
          .. (entry.degraded and " DEGRADED" or ""), entry.why
          .. (entry.uncertain and "; no node says whether it runs" or ""),
      }
    elseif rejection then
      left_out[#left_out + 1] = { vm.key, vm.priority, rejection.code, rejection.text }
    end
  end
  if #rows > 0 then
    output.table({ "vm", "priority", "node", "devices", "why there" }, rows)
  end
  if #left_out > 0 then
    output.block((#rows > 0 and "\n" or "") .. "no place for")
    output.table({ "vm", "priority", "code", "" }, left_out, { colours = { [3] = function()
      return "red"
    end } })
  end
  for i, move in ipairs(plan.moves) do
    if i == 1 then
      output.block("\nto be done")
    end
    output.line("  %s", move_words(move))
  end
  output.line("\n%d placed, %d not; %s", #rows, #left_out, plan.optimal
    and "optimal: " .. plan.proof or "not proven optimal: " .. plan.why_not_optimal)
end

local function document_of(plan, vms)
  local json = require("json")
  local result = {
    placed = {}, unplaced = {}, moves = {}, optimal = plan.optimal, proof = plan.proof,
    why_not_optimal = plan.why_not_optimal,
  }
  for _, vm in ipairs(vms) do
    local entry, rejection = plan.placed[vm.key], plan.unplaced[vm.key]
    if entry then
      table.insert(result.placed, {
        vm = vm.key, priority = vm.priority, node = entry.node, stays = entry.stays,
        degraded = entry.degraded, why = entry.why, uncertain = entry.uncertain,
        devices = words.document(entry.devices),
      })
    elseif rejection then
      table.insert(result.unplaced, {
        vm = vm.key, priority = vm.priority, code = rejection.code, text = rejection.text,
      })
    end
  end
  for i, move in ipairs(plan.moves) do
    result.moves[i] = {
      kind = move.kind, vm = move.vm, device = move.device and move.device.id, from = move.from,
      to = move.to, text = move_words(move),
    }
  end
  for _, name in ipairs({ "placed", "unplaced", "moves" }) do
    json.array(result[name])
  end
  return result
end

function M.run(arguments, program)
  local seen, s = situation.read(arguments, program, { nodes = "all", partitions = true })
  if not seen then
    return exit_codes.unknown
  end
  for _, key in ipairs(arguments.vms or {}) do
    s:vm(key)
  end
  local named = #(arguments.vms or {}) > 0 and not arguments.all
  local plan = placement.plan(seen, {
    policy = words.policy(arguments, s.parameters), vms = named and arguments.vms or nil,
    keep = not arguments.anew, leave = set_of(s, arguments.leave),
  })
  local vms = asked(seen, named and arguments or {})
  if output.is_json() then
    output.document(document_of(plan, vms))
  else
    show(plan, vms)
  end
  for _, vm in ipairs(vms) do
    if plan.unplaced[vm.key] then
      return exit_codes.no_device
    end
  end
  return exit_codes.ok
end

return M
