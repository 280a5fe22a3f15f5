-- takeover plan: what a run would do now.
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local output = require("cli.output")
local session = require("cli.session")

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
done yet may not be tellable before. The last line is the verdict.]])
  command:epilog(cli.exit_codes({ "ok", "refused", "no_device", "unknown", "configuration" })
    .. "\n\nExample:\n  takeover plan start vme2")
  command:argument("sequence", "start, stop, prepare or recover")
    :choices({ "start", "stop", "prepare", "recover" })
  command:argument("vm", "Its name in the parameters")
  command:option("--evidence", "As for start: may change what is refused"):argname("TEXT")
  require("cli.execute").define_cluster(command)
  command:option("--event", "What ECX would say (default: $CLP_EVENT)")
    :choices({ "start", "failover", "recover" }):argname("EVENT")
end

-- What decides: the first refusal; else the first fact that cannot be told or has no device. One
-- after a step that was not done yet counts only where somebody could not be asked: else it may be
-- a consequence. Gives its entry and the exit code.
local function decisive(plan)
  local certain, first = true, nil
  for _, entry in ipairs(plan) do
    if entry.state == "refused" then
      return entry, exit_codes.refused
    elseif entry.state == "unknown" and (certain or failure.codes[entry.failure.code].unknown) then
      first = first or entry
    end
    certain = certain and entry.state == "already"
  end
  if not first then
    return nil, exit_codes.ok
  end
  return first, first.failure.code == "NO_DEVICE" and exit_codes.no_device or exit_codes.unknown
end

-- What the run would come to, in one line.
local function verdict(arguments, entry, code, counts, total)
  if entry then
    return ("%s: %s (%s)"):format(code == exit_codes.refused and "refused"
      or code == exit_codes.no_device and "no device" or "cannot tell", entry.failure.message,
      entry.name)
  elseif counts.already == total then
    return ("nothing to do: all %d facts hold"):format(total)
  end
  return ("%s would go ahead"):format(arguments.sequence)
end

function M.run(arguments, program)
  local s = session.open(arguments, program)
  s:vm(arguments.vm)
  local sequence = s:sequence(arguments.sequence)
  local c = s:context(arguments.vm)
  local plan = require("failover.engine").plan({ sequence = sequence, context = c })
  c:close()
  local entry, code = decisive(plan)
  output.line("%s", output.paint(("plan: %s %s on %s"):format(arguments.sequence, arguments.vm,
    s:node()), "bold"))
  local plain, counts = {}, { already = 0, would = 0 }
  for i, fact in ipairs(plan) do
    counts[fact.state] = (counts[fact.state] or 0) + 1
    plain[i] = {
      name = fact.name, branch = fact.branch, state = fact.state,
      reason = fact.failure and fact.failure.message or fact.reason,
    }
    output.line("%s", "  " .. output.paint(output.pad(words[fact.state], 13), colours[fact.state])
      .. output.pad(fact.name, 48) .. output.paint("  " .. (plain[i].reason or ""), "dim"))
  end
  output.line("%d of %d facts hold already, %d would be made true; nothing was changed",
    counts.already, #plan, counts.would)
  local said = verdict(arguments, entry, code, counts, #plan)
  output.line("%s", output.paint(said, entry and "yellow" or "green"))
  output.document({
    command = "plan", sequence = arguments.sequence, vm = arguments.vm, node = s:node(),
    exit_code = code, verdict = said, steps = require("json").array(plain),
  })
  return code
end

return M
