-- takeover undrain: a node that was drained takes machines again.
local drain = require("failover.placement.drain")
local drain_command = require("cli.commands.drain")
local drained = require("cli.drained")
local exit_codes = require("core.exit_codes")
local json = require("json")
local output = require("cli.output")
local situation = require("cli.situation")

local M = {}

function M.define(command, cli)
  command:description([[
Ends what `takeover drain` began: the node counts for placements again. Shows which of the machines
that were moved away could come back, with the commands; with --go it moves them back.

Changes: drained.json in the state directory; with --go, groups of EXPRESSCLUSTER (clpgrp).
By hand, to take it back: takeover drain NODE.]])
  command:epilog(cli.exit_codes({ "ok", "failed", "configuration", "unknown", "not_writable" })
    .. "\n\nExample:\n  takeover undrain ms1 --go")
  command:argument("which", "The node, by its name in the parameters"):argname("NODE")
  command:flag("--go", "Move the machines back, too")
end

function M.run(arguments, program)
  local seen, s = situation.read(arguments, program, { nodes = "all", partitions = true })
  if not seen then
    return exit_codes.unknown
  end
  local node = situation.node(s, arguments.which)
  local entry = drained.read(s.state)[node]
  for _, one in ipairs(seen.nodes) do
    one.drained = one.drained and one.name ~= node
  end
  local plan = drain.plan_back(seen, node, entry and entry.vms or {}, s.parameters.placement)
  drained.remove(s.state, node)
  output.line(entry and "%s takes machines again" or "%s was not drained", node)
  if #plan.moves > 0 then
    output.line("")
    drain_command.show_moves(plan.moves, #seen.nodes == 2)
  end
  for _, lost in ipairs(plan.lost) do
    output.line("%s stays on %s: %s", lost.vm, lost.from, lost.text)
  end
  plan.lost = {}
  local code = exit_codes.ok
  if arguments.go and #plan.moves > 0 then
    code = drain_command.carry_out(s, plan, seen)
  elseif #plan.moves > 0 then
    output.line("\nNothing is moved back yet; --go does it.")
  end
  output.document({
    node = node, was_drained = entry ~= nil, moves = json.array(plan.moves),
    moved = arguments.go and code == exit_codes.ok, failure = plan.failure,
  })
  return code
end

return M
