-- takeover drain: moves everything off a node, for maintenance.
local drain = require("failover.placement.drain")
local drained = require("cli.drained")
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local json = require("json")
local output = require("cli.output")
local scheduler = require("core.scheduler")
local situation = require("cli.situation")

local M = {}

function M.define(command, cli)
  command:description([[
Shows where the running virtual machines of a node would go, with which devices, and the commands of
EXPRESSCLUSTER that move them. With --go it moves them, one after another, the most important first,
and waits for each to run on the other node. Until `takeover undrain` nothing is placed on the node
by `gpu place`, `gpu whatif` and other drains on this host; EXPRESSCLUSTER's own failovers still
go there.

A machine without a place is named, and nothing is moved then unless --accept-loss says that it may
be stopped.

Changes, with --go: groups of EXPRESSCLUSTER (clpgrp); drained.json in the state directory.
By hand, to take it back: takeover undrain NODE --go, or clpgrp -m for each group.]])
  command:epilog(cli.exit_codes({
    "ok", "refused", "failed", "configuration", "unknown", "not_writable",
  }) .. "\n\nExample:\n  takeover drain ms1\n  takeover drain ms1 --go")
  command:argument("which", "The node to be emptied, by its name in the parameters")
    :argname("NODE")
  command:flag("--go", "Move the machines, not only show the plan")
  command:flag("--accept-loss", "Stop those for which there is no place")
end

---- what both drain and undrain do -------------------------------------------------------------

-- The hands of failover.drain: clpgrp, and looking at Hyper-V.
local function hands_of(s, plan, seen)
  local c = s:context(nil, { node = plan.node })
  local ecx, two = require("ecx"), #seen.nodes == 2
  local function order(verb, move, options)
    if not move.group then
      failure.raise({
        code = "CONFIG", target = move.vm,
        message = ("vms.%s has no group in %s"):format(move.vm, s.parameters.file),
        hint = "give the name of its failover group, or move it in the Cluster WebUI",
      })
    elseif not verb(move.group, options) then
      failure.raise({
        code = "ECX_FAILED", target = move.group,
        message = "there is no clpgrp on this host, so nothing can be moved from here",
        hint = "use this command on a server of the cluster, or type the commands there",
      })
    end
  end
  return {
    now = scheduler.now, sleep = scheduler.sleep,
    move = function(move)
      order(ecx.move_group, move, { server = not two and move.to or nil })
    end,
    stop = function(lost)
      order(ecx.stop_group, lost)
    end,
    seen = drain.looker(c, seen, plan.node),
    within = function(move)
      local vm = s.parameters.vms[move.vm]
      return vm.stop_timeout + vm.start_timeout
    end,
    tell = function(move, state)
      local where = move.to and "to " .. move.to or "off"
      output.progress(("%s goes %s"):format(move.vm, where))
      if state == "done" then
        output.line("%s  %s %s", output.paint("done", "green"), move.vm,
          move.to and "runs on " .. move.to or "is off")
      end
    end,
    close = function()
      output.progress(nil)
      c:close()
    end,
  }
end

-- Carries a plan out and says how it ended.
---@return integer exit code
function M.carry_out(s, plan, seen)
  local hands = hands_of(s, plan, seen)
  local ok, result = require("loop").guard(drain.carry_out, plan, hands)
  hands.close()
  if ok then
    return exit_codes.ok
  elseif not failure.is(result) then
    error(result, 0)
  end
  plan.failure = { code = result.code, message = result.message, hint = result.hint }
  output.complain("takeover: " .. tostring(result))
  output.complain("nothing more is moved; `takeover vm list` shows what is where")
  return result.code == "CONFIG" and exit_codes.configuration or exit_codes.failed
end

function M.show_moves(list, two)
  local rows = {}
  for i, move in ipairs(list) do
    rows[i] = {
      move.vm, move.to and move.from .. " -> " .. move.to or "stops",
      move.devices and table.concat(move.devices, ", ") or move.text or "",
      move.degraded and "DEGRADED" or "", drain.command(move, two),
    }
  end
  output.table({ "vm", "move", "devices", "", "command" }, rows)
end

---- drain ----------------------------------------------------------------------------------------

local function show(plan, two)
  if #plan.moves + #plan.lost == 0 then
    output.line("nothing runs on %s", plan.node)
  end
  if #plan.moves > 0 then
    M.show_moves(plan.moves, two)
  end
  for _, lost in ipairs(plan.lost) do
    output.line("%s  %s would be lost: %s", output.paint("LOST", "red"), lost.vm, lost.text)
  end
end

local function moving(plan)
  local vms = {}
  for _, list in ipairs({ plan.moves, plan.lost }) do
    for _, move in ipairs(list) do
      vms[#vms + 1] = move.vm
    end
  end
  return vms
end

local function unreachable(seen, node)
  for _, one in ipairs(seen.nodes) do
    if one.name == node and not one.reachable then
      return one.why or "it does not answer"
    end
  end
end

function M.run(arguments, program)
  local seen, s = situation.read(arguments, program, { nodes = "all", partitions = true })
  if not seen then
    return exit_codes.unknown
  end
  local node = situation.node(s, arguments.which)
  local why = unreachable(seen, node)
  if why then
    output.complain(("takeover: what runs on %s cannot be seen: %s"):format(node, why))
    return exit_codes.unknown
  end
  local plan = drain.plan(seen, node, { policy = s.parameters.placement })
  local two, code = #seen.nodes == 2, exit_codes.ok
  show(plan, two)
  if #plan.lost > 0 and not arguments.accept_loss then
    output.complain(("takeover: %d of %d machines would be lost; --accept-loss accepts that")
      :format(#plan.lost, #plan.lost + #plan.moves))
    code = exit_codes.refused
  elseif arguments.go then
    drained.add(s.state, node, moving(plan), os.time())
    code = M.carry_out(s, plan, seen)
  elseif #plan.moves + #plan.lost > 0 then
    output.line("\nNothing is moved yet; --go does it.")
  end
  output.document({
    node = node, moves = json.array(plan.moves), lost = json.array(plan.lost),
    moved = arguments.go and code == exit_codes.ok, failure = plan.failure,
  })
  return code
end

return M
