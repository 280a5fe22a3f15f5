-- takeover plan: what a run would do now.
local exit_codes = require("host.exit_codes")
local output = require("host.output")
local session = require("host.session")

local M = {}

local colours = {
  already = "dim", would = "green", unknown = "yellow", wait = "yellow", refused = "red",
}

local words = {
  already = "already", would = "would do", unknown = "cannot tell", wait = "would wait",
  refused = "refused",
}

function M.define(command, cli)
  command:description([[
Asks every fact of a sequence and shows which ones hold already and which ones a run would make
true. Writes nothing anywhere: no change, no journal, no lock. What depends on a step that was not
done yet may not be tellable before.]])
  command:epilog(cli.exit_codes({ "ok", "refused", "no_device", "unknown", "configuration" })
    .. "\n\nExample:\n  takeover plan start vme2")
  command:argument("sequence", "start, stop, prepare or recover")
    :choices({ "start", "stop", "prepare", "recover" })
  command:argument("vm", "Its name in the parameters")
  command:option("--evidence", "As for start: may change what is refused"):argname("TEXT")
  require("host.execute").define_cluster(command)
  command:option("--event", "What ECX would say (default: $CLP_EVENT)")
    :choices({ "start", "failover", "recover" }):argname("EVENT")
end

-- Refusals and missing devices count; not being able to tell counts when it is not just a
-- consequence of a step that was not done.
local function exit_code(plan)
  local certain = true
  local code = exit_codes.ok
  for _, entry in ipairs(plan) do
    if entry.state == "refused" then
      return exit_codes.refused
    elseif entry.state == "unknown" and certain and code == exit_codes.ok then
      code = entry.failure.code == "NO_DEVICE" and exit_codes.no_device or exit_codes.unknown
    end
    certain = certain and entry.state == "already"
  end
  return code
end

function M.run(arguments, program)
  local s = session.open(arguments, program)
  s:vm(arguments.vm)
  local sequence = s:sequence(arguments.sequence)
  local c = s:context(arguments.vm)
  local plan = require("failover.engine").plan({ sequence = sequence, context = c })
  c:close()
  local code = exit_code(plan)
  output.line("%s", output.paint(("plan: %s %s on %s"):format(arguments.sequence, arguments.vm,
    s:node()), "bold"))
  local plain, counts = {}, { already = 0, would = 0 }
  for i, entry in ipairs(plan) do
    counts[entry.state] = (counts[entry.state] or 0) + 1
    plain[i] = {
      name = entry.name, branch = entry.branch, state = entry.state,
      reason = entry.failure and entry.failure.message or entry.reason,
    }
    output.line("%s", "  " .. output.paint(output.pad(words[entry.state], 13), colours[entry.state])
      .. output.pad(entry.name, 48) .. output.paint("  " .. (plain[i].reason or ""), "dim"))
  end
  output.line("%d of %d facts hold already, %d would be made true; nothing was changed",
    counts.already, #plan, counts.would)
  output.document({
    command = "plan", sequence = arguments.sequence, vm = arguments.vm, node = s:node(),
    exit_code = code, steps = require("json").array(plain),
  })
  return code
end

return M
