-- takeover history: what the journal knows about earlier runs.
local failure = require("failure")
local output = require("cli.output")
local session = require("cli.session")

local M = {}

local colours = {
  succeeded = "green", failed = "red", refused = "yellow", cancelled = "yellow",
  interrupted = "red", done = "green", already = "dim", undone = "yellow",
}

local MESSAGE_CHARACTERS = 60 -- in the list of runs

local function colour_of(cell)
  return colours[cell]
end

function M.define(command, cli)
  command:description([[
Shows earlier runs from the journal, newest first. --run N shows one of them: its steps, its remarks
(evidence, decisions, warnings) and every call to the outside, changes marked with a star. A run
whose process died is "interrupted".]])
  command:epilog(cli.exit_codes({ "ok", "configuration", "not_writable" })
    .. "\n\nExample:\n  takeover history vme2 --limit 5\n  takeover history --run 12")
  command:argument("vm", "Only runs of this virtual machine"):args("?")
  command:option("--run", "One run in full"):argname("N"):convert(math.tointeger)
  command:option("--limit", "Number of runs (default: 20)"):argname("N"):convert(math.tointeger)
    :default("20"):show_default(false)
end

local function moment(wall)
  return wall and os.date("%Y-%m-%d %H:%M:%S", math.floor(wall)) or ""
end

local function took(from, to)
  return from and to and output.duration(to - from) or ""
end

-- The beginning of a text, up to a number of characters.
local function beginning(text, characters)
  local stop = text and utf8.offset(text, characters + 1)
  return stop and stop <= #text and text:sub(1, stop - 1) .. "..." or text
end

local function show_runs(runs)
  local rows = {}
  for i, run in ipairs(runs) do
    rows[i] = {
      run.id, moment(run.began), run.command, run.vm, run.node, run.state or "running",
      run.exit_code, took(run.began, run.ended), beginning(run.message, MESSAGE_CHARACTERS),
    }
  end
  if #rows == 0 then
    output.line("no runs yet")
    return
  end
  output.table({ "run", "began", "command", "vm", "node", "state", "exit", "took", "" }, rows,
    { colours = { [6] = colour_of } })
end

local function show_steps(steps)
  local rows = {}
  for i, step in ipairs(steps) do
    rows[i] = {
      step.state or "unfinished", step.name, step.branch, step.attempts,
      took(step.began, step.ended), step.message,
    }
  end
  output.table({ "state", "step", "branch", "attempts", "took", "" }, rows,
    { indent = "  ", colours = { colour_of } })
end

-- What a call was about, in a few words: its arguments where they are plain.
local function subject(call)
  local words = { call.target }
  for _, argument in ipairs(type(call.request) == "table" and call.request or {}) do
    if type(argument) ~= "table" then
      words[#words + 1] = tostring(argument)
    end
  end
  return table.concat(words, " ")
end

-- Calls tell their time by the clock that never jumps: seconds count from the first one.
local function show_calls(calls)
  local rows = {}
  local began = calls[1] and calls[1].began
  for i, call in ipairs(calls) do
    local failed = call.failure
    rows[i] = {
      call.kind == "change" and "*" or "", ("+%.3f"):format(call.began - began),
      call.native .. ":" .. call.verb, beginning(subject(call), MESSAGE_CHARACTERS),
      output.duration(call.took or 0),
      failed and (type(failed) == "table" and failed.code or tostring(failed))
        or (call.changed == false and "was so already" or ""),
    }
  end
  output.table({ "", "at", "call", "on", "took", "" }, rows, {
    indent = "  ",
    colours = { function()
      return "yellow"
    end },
  })
end

local function show_run(journal, id)
  local run = journal:runs({ id = id })[1]
  if not run then
    failure.raise({ code = "CONFIG", message = ("there is no run %d in the journal"):format(id) })
  end
  local steps, calls, notes = journal:steps(id), journal:calls(id), journal:notes(id)
  local array = require("json").array
  output.document({ run = run, steps = array(steps), calls = array(calls), notes = array(notes) })
  if output.is_json() then
    return
  end
  show_runs({ run })
  output.line("\nsteps")
  show_steps(steps)
  if #notes > 0 then
    output.line("\nremarks")
    for _, note in ipairs(notes) do
      output.line("  %s", note.text)
    end
  end
  output.line("\ncalls (* changed the world)")
  show_calls(calls)
end

function M.run(arguments, program)
  local s = session.open(arguments, program)
  if arguments.vm then
    s:vm(arguments.vm)
  end
  if not require("fs").find(s.parameters.journal) then
    output.line("no runs yet")
    output.document({ runs = require("json").array({}) })
    return 0
  end
  local journal = s:journal(true)
  if arguments.run then
    show_run(journal, arguments.run)
  else
    local runs = journal:runs({ vm = arguments.vm, limit = arguments.limit })
    output.document({ runs = require("json").array(runs) })
    if not output.is_json() then
      show_runs(runs)
    end
  end
  journal:close()
  return 0
end

return M
