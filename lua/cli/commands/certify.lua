-- takeover certify: the explorer over all sequences, on all cores.
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local fs = require("fs")
local json = require("json")
local loop = require("loop")
local output = require("cli.output")

local M = {}

local COMMANDS = { "start", "stop", "prepare", "recover", "monitor" }
local PORTION = 500 -- random schedules after which a process reports

function M.define(command, cli)
  command:description([[
Runs the sequences in the simulated cluster with a fault at every single call to the outside: a
crash before and after it, an answer that never comes (with and without the change having been
made), a refusal, a lie, garbage; and with what is no error at all: at every look a list without
rows, once or from then on, everywhere a target that falls silent. The same where something is not
as it seems: a state that nobody knows, a host that answers for another one, a machine that is not
listed, a board shown off. Then the same node tries again, or the other node takes over, and the
safety rules are checked after everything. Then random schedules of commands, deaths, faults and
oddities, each from its seed. Run it after every edit of a sequence.

With --state DIR a certificate is written there when every rule held. It names the files that were
explored; start, stop and the others then warn when the files at hand differ (or refuse, or use the
certified copy kept beside it: `certificate` in parameters.lua). Stopped by Ctrl-C it tells what was
found until then, and writes no certificate.]])
  command:epilog(cli.exit_codes({ "ok", "failed", "configuration", "cancelled", "usage" }) .. [[


Example:
  takeover certify                                 what is in use now
  takeover --lua-path my-edits certify start       an edited start
  takeover certify --use start=my-start.lua        the same, from one file
  takeover certify --random 1000000                half an hour or more on two processors
  takeover certify --seed 4711                     one schedule again, with its trace]])
  command:argument("sequences", "Which (default: all): " .. table.concat(COMMANDS, ", "))
    :args("*")
  command:option("--random", "How many random schedules (default: 2000)"):argname("N")
    :convert(tonumber)
  command:option("--first-seed", "Seed of the first one (default: 1)"):argname("N")
    :convert(tonumber)
  command:option("--seed", "Play this seed's schedule only, and show its trace"):argname("N")
    :convert(tonumber)
  command:option("--use", "A sequence file in place of the shipped one"):argname("NAME=FILE")
    :count("*")
  command:option("--jobs", "Processes at the same time (default: one for each processor)")
    :argname("N"):convert(tonumber)
  command:option("--write", "Write the first violation as a scenario"):argname("FILE")
  command:option("--shard", "Internal: the part of the work that this process does")
    :argname("I/N"):hidden(true)
end

local function usage(format, ...)
  failure.raise({ code = "USAGE", message = format:format(...) })
end

-- Sequences to use instead, by command, loaded once: a mistake in them ends it here, with its line.
local function replaced(list)
  local sequences = {}
  for _, text in ipairs(list) do
    local name, path = text:match("^(%a+)=(.+)$")
    if not name then
      usage('--use wants NAME=FILE, not "%s"', text)
    end
    sequences[name] = require("failover").load_sequence(path)
  end
  return sequences
end

local function wanted_of(names)
  local wanted = {}
  for _, name in ipairs(#names > 0 and names or COMMANDS) do
    if not table.concat(COMMANDS, " "):find(name, 1, true) then
      usage("there is no sequence %s; there are: %s", name, table.concat(COMMANDS, ", "))
    end
    wanted[name] = true
  end
  return wanted
end

local function random_count(arguments)
  return arguments.random or 2000
end

-- ---- one part of the work ---------------------------------------------------------------------

-- Raises when nobody reads any more: then there is no reason to go on.
local function report(kind, fields)
  fields.kind = kind
  assert(io.stdout:write(json.encode(fields), "\n"))
  assert(io.stdout:flush())
end

-- Reports the first three violations, each shrunk. What several schedules have in common is one.
local function reporter(explorer)
  local told, left = {}, 3
  return function(setting, schedule, problem, what, seed)
    if told[problem] or left == 0 then
      return
    end
    told[problem], left = true, left - 1
    local small, same = explorer.shrink(setting, schedule, problem)
    report("violation", {
      rule = same.rule, text = same.text, what = what, seed = seed, events = #small,
      scenario = explorer.scenario_text(small, what),
    })
  end
end

local function single(explorer, setting, situation, mine)
  local cases, bad, violation = 0, 0, reporter(explorer)
  local calls = explorer.single_faults(setting, situation, function(schedule, call, effect, problem)
    cases = cases + (call > 0 and 1 or 0) -- 0: it fails even without a fault
    if problem then
      bad = bad + 1
      violation(setting, schedule, problem, call > 0
        and ("%s, call %d: %s"):format(situation.name, call, effect)
        or situation.name .. ", no fault")
    end
  end, mine)
  report("situation", { name = situation.name, calls = calls, cases = cases, bad = bad })
end

local function work(arguments, setting, index, count)
  local explorer = require("lab.explorer")
  local setting_of = explorer.settings_by_seed(setting.sequences)
  local wanted = wanted_of(arguments.sequences)
  local function mine(number)
    return number % count == index % count
  end
  for _, situation in ipairs(explorer.situations) do
    if wanted[situation.command] then
      single(explorer, explorer.setting_for(setting, situation), situation, mine)
    end
  end
  local first = arguments.first_seed or 1
  local cases, bad, violation = 0, 0, reporter(explorer)
  explorer.play_random(setting_of, first, first + random_count(arguments) - 1,
    function(seed, chosen, problem)
      cases = cases + 1
      if problem then
        bad = bad + 1
        violation(chosen, explorer.random_schedule(seed, chosen), problem,
          ("seed %d (cluster %s)"):format(seed, chosen.name), seed)
      end
      if cases == PORTION then
        report("random", { cases = cases, bad = bad })
        cases, bad = 0, 0
      end
    end,
    function(number) -- of each kind of cluster every process gets its share
      return mine(number + number // 6)
    end)
  report("random", { cases = cases, bad = bad })
end

-- ---- all of it, in several processes -----------------------------------------------------------

-- The folders given by --lua-path: all before the program's own.
local function own_roots(program)
  local roots = {}
  for _, root in ipairs(program.roots) do
    if root == program.lua_root then
      break
    end
    roots[#roots + 1] = root
  end
  return roots
end

local function child_arguments(arguments, program, index, count)
  local list = { program.path }
  for _, path in ipairs(own_roots(program)) do
    list[#list + 1] = "--lua-path"
    list[#list + 1] = path
  end
  list[#list + 1] = "certify"
  table.move(arguments.sequences, 1, #arguments.sequences, #list + 1, list)
  for _, use in ipairs(arguments.use) do
    list[#list + 1] = "--use"
    list[#list + 1] = use
  end
  for _, option in ipairs({ "random", "first_seed" }) do
    if arguments[option] then
      list[#list + 1] = "--" .. option:gsub("_", "-")
      list[#list + 1] = tostring(math.tointeger(arguments[option]) or arguments[option])
    end
  end
  list[#list + 1] = "--shard"
  list[#list + 1] = index .. "/" .. count
  list.stdout = "pipe"
  return list
end

local function show_progress(sum)
  local bad = #sum.violations
  output.progress("exploring", ("%d of %d random schedules, %s"):format(sum.random, sum.wanted,
    bad == 0 and "no violation" or bad .. " violations"))
end

-- Reads one child's reports into `sum`.
local function gather(child, sum)
  while true do
    local line = child:read_line({})
    if not line then
      break
    end
    local entry = json.decode(line)
    if entry.kind == "situation" then
      local all = sum.situations[entry.name] or { name = entry.name, calls = entry.calls, cases = 0,
        bad = 0 }
      if not sum.situations[entry.name] then
        sum.situations[entry.name] = all
        sum.order[#sum.order + 1] = all
      end
      all.cases, all.bad = all.cases + entry.cases, all.bad + entry.bad
    elseif entry.kind == "random" then
      sum.random, sum.random_bad = sum.random + entry.cases, sum.random_bad + entry.bad
    elseif entry.kind == "violation" then
      sum.violations[#sum.violations + 1] = entry
    end
    show_progress(sum)
  end
  local ended = child:wait(10)
  if not ended or ended.code ~= 0 then
    sum.died = true
  end
end

local function show_violations(sum, arguments)
  for i, entry in ipairs(sum.violations) do
    if i <= 5 then
      output.line("")
      output.line("%s %s is broken: %s", output.paint("violation:", "red"), entry.rule, entry.text)
      output.line("%s, in %d events:", entry.what, entry.events)
      output.line("%s", (entry.scenario:gsub("([^\n]+)", "    %1")))
    end
  end
  if arguments.write and sum.violations[1] then
    fs.write(arguments.write, sum.violations[1].scenario)
    output.line("written to %s; play it: takeover test %s", arguments.write, arguments.write)
  end
end

local function verdict(sum, bad)
  if sum.stopped then
    return bad == 0 and "every rule held until it was stopped; NOT certified" or "NOT certified"
  end
  return bad == 0 and not sum.died and "every rule held" or "NOT certified"
end

local function show(sum, took)
  local cases, bad = 0, 0
  for _, entry in ipairs(sum.order) do
    output.line("  %s %4d calls  %6d cases  %s", output.pad(entry.name, 32), entry.calls,
      entry.cases,
      entry.bad == 0 and output.paint("no violation", "green") or output.paint(entry.bad
        .. " violations", "red"))
    cases, bad = cases + entry.cases, bad + entry.bad
  end
  output.line("  %s             %6d cases  %s", output.pad("random schedules", 32), sum.random,
    sum.random_bad == 0 and output.paint("no violation", "green")
      or output.paint(sum.random_bad .. " violations", "red"))
  local total_bad = bad + sum.random_bad
  output.conclude("%d single faults and %d random schedules in %s: %s", cases, sum.random,
    output.duration(took), verdict(sum, total_bad))
  return cases, total_bad
end

-- Everything was explored as it is on disk: say so in the state directory.
local function certify(arguments, program, cases, random)
  if #arguments.sequences > 0 or #arguments.use > 0 then
    output.line("no certificate is written: not all sequences as they are on disk were explored")
    return
  end
  fs.make_directory(arguments.state)
  require("failover.safety.certificate").write(arguments.state, program.roots, {
    single_faults = cases, random_schedules = random, first_seed = arguments.first_seed or 1,
    version = program.version, at = os.date("!%Y-%m-%dT%H:%M:%SZ"),
  })
  output.line("certificate: %s/certificate.json", arguments.state)
end

local function one_seed(arguments, setting)
  local explorer = require("lab.explorer")
  setting = explorer.settings_by_seed(setting.sequences)(arguments.seed)
  local schedule = explorer.random_schedule(arguments.seed, setting)
  local trace = {}
  local problem = explorer.play(setting, schedule, trace)
  output.line("%s", explorer.scenario_text(schedule, "seed " .. arguments.seed))
  for _, line in ipairs(trace) do
    output.line("%s", line)
  end
  if not problem then
    output.line("every rule held")
    return exit_codes.ok
  end
  output.line("event %d: %s is broken: %s", problem.at, problem.rule, problem.text)
  return exit_codes.failed
end

-- Starts a process for each core and reads what they find. Gives the failure when it was told to
-- stop; what was found until then is in `sum`.
local function explore(arguments, program, sum)
  local scheduler, process = require("core.scheduler"), require("process")
  local count = arguments.jobs or loop.processors()
  local children, readers = {}, {}
  loop.catch_signals()
  show_progress(sum)
  for index = 1, count do
    children[index] = process.start(child_arguments(arguments, program, index, count))
    readers[index] = scheduler.spawn(gather, children[index], sum)
  end
  local failed
  for _, reader in ipairs(readers) do
    if not failed then
      local waited, ended, problem = loop.guard(scheduler.join, reader)
      failed = not waited and ended or not ended and problem or nil
    end
  end
  for _, child in ipairs(children) do
    child:close()
  end
  output.progress(nil)
  if failed and failed.code ~= "CANCELLED" then
    error(failed, 0)
  end
  return failed
end

function M.run(arguments, program)
  local setting = require("lab.explorer").setting(replaced(arguments.use))
  wanted_of(arguments.sequences)
  if arguments.seed then
    return one_seed(arguments, setting)
  elseif arguments.shard then
    local index, count = arguments.shard:match("^(%d+)/(%d+)$")
    work(arguments, setting, math.tointeger(index), math.tointeger(count))
    return exit_codes.ok
  end
  local began = loop.now()
  local sum = {
    situations = {}, order = {}, violations = {}, random = 0, random_bad = 0, died = false,
    wanted = random_count(arguments),
  }
  sum.stopped = explore(arguments, program, sum)
  local cases, bad = show(sum, loop.now() - began)
  show_violations(sum, arguments)
  local code = bad == 0 and not sum.died and exit_codes.ok or exit_codes.failed
  if code == exit_codes.ok and sum.stopped then
    code = exit_codes.of_failure(sum.stopped)
  elseif code == exit_codes.ok and arguments.state then
    certify(arguments, program, cases, sum.random)
  end
  output.document({
    command = "certify", exit_code = code, single = cases, random = sum.random, bad = bad,
    violations = json.array(sum.violations), situations = json.array(sum.order),
    seconds = loop.now() - began,
  })
  return code
end

return M
