-- takeover replay: plays a run again from its record.
local execute = require("cli.execute")
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local fs = require("fs")
local loop = require("loop")
local output = require("cli.output")

local M = {}

function M.define(command, cli)
  command:description([[
Plays a run of the journal again, on virtual time and without touching anything: the sequence as it
is now is given the answers that were recorded then. Says that everything comes out the same, or
what the sequence does differently first. A run that was killed is played up to there.

--export writes the run as a scenario for `takeover test`, with its record beside it: an incident
becomes a regression test. docs/replay.md says what is recorded and how exact a replay is.]])
  command:epilog(cli.exit_codes({ "ok", "failed", "configuration", "usage", "not_writable" }) .. [[


Example:
  takeover replay 12
  takeover replay 12 --journal copy-of/journal.db
  takeover --lua-path my-edits replay 12
  takeover replay 12 --export tests/scenarios/link-lost.lua]])
  command:argument("run", "Its number (takeover history lists them)"):convert(math.tointeger)
  command:option("--journal", "The journal's file (default: the one of the parameters)")
    :argname("FILE")
  command:option("--export", "Write the run as a scenario, too"):argname("FILE.lua")
end

local function open_journal(arguments, program)
  if not arguments.journal then
    return execute.session.open(arguments, program):journal(true)
  end
  if not fs.find(arguments.journal) then
    failure.raise({ code = "CONFIG", message = "there is no journal " .. arguments.journal })
  end
  return require("journal").open({ path = arguments.journal, read_only = true })
end

local function load_record(arguments, program)
  local replay = require("lab.replay")
  local journal = open_journal(arguments, program)
  local ok, record = loop.guard(replay.load, journal, arguments.run)
  journal:close()
  if not ok then
    error(record, 0)
  end
  local obstacle = replay.obstacle(record)
  if obstacle then
    failure.raise({
      code = "CONFIG", message = ("run %d cannot be replayed: %s"):format(arguments.run, obstacle),
      hint = "takeover history --run N shows what is known of it",
    })
  end
  return record
end

local function say_beginning(record, changed)
  local run = record.run
  output.line("%s", output.paint(("run %d: %s of %s on %s, %s"):format(run.id, run.command,
    run.vm or "?", run.node, os.date("%Y-%m-%d %H:%M:%S", math.floor(run.began))), "bold"))
  if #changed > 0 then
    output.line("  %s%s", output.paint(output.pad("changed", 8), "yellow"),
      "since the run: " .. table.concat(changed, ", "))
  end
end

local function say_result(record, played, seconds)
  local failed = played.result and played.result.failure
  local steps = #played.steps == 1 and "1 step" or #played.steps .. " steps"
  if played.difference then
    output.complain(output.paint("different", "red") .. (" after %s: %s"):format(
      output.duration(played.difference.at), played.difference.text))
    return
  end
  output.line("%s: %s, %d calls, %s  (%s in %s)", output.paint("the same", "green"), steps,
    played.calls, played.exit == "killed" and "up to where the run was killed"
      or ("exit code %d (%s)"):format(record.run.exit_code, failed and failed.code or "ok"),
    output.duration(played.took), output.duration(seconds))
end

function M.run(arguments, program)
  local replay = require("lab.replay")
  if not arguments.run then
    failure.raise({ code = "USAGE", message = "a run is a number: takeover replay 12" })
  elseif arguments.export and not arguments.export:find("%.lua$") then
    failure.raise({ code = "USAGE", message = "--export wants the name of a .lua file" })
  end
  local record = load_record(arguments, program)
  local changed = replay.changed_files(record)
  say_beginning(record, changed)
  local notes, began = {}, loop.now()
  local played = replay.play(record, { listener = execute.presenter(notes) })
  output.progress(nil)
  say_result(record, played, loop.now() - began)
  local files
  if arguments.export then
    files = { arguments.export, require("lab.replay.export").write(record, arguments.export) }
    output.line("written: %s and %s", files[1], files[2])
  end
  local code = played.difference and exit_codes.failed or exit_codes.ok
  local array = require("json").array
  output.document({
    command = "replay", run = arguments.run, same = played.difference == nil,
    difference = played.difference, killed = replay.killed(record), exit = played.exit,
    steps = array(execute.plain_steps(played.steps)), calls = played.calls, took = played.took,
    changed_files = array(changed), written = files, exit_code = code,
  })
  return code
end

return M
