-- takeover test: plays scenarios in the simulated cluster.
local fs = require("fs")
local failure = require("failure")
local loop = require("loop")
local output = require("cli.output")

local M = {}

function M.define(command, cli)
  command:description([[
Plays scenarios: stories of a cluster in which nodes die, services lie and guests hang, with the
real sequences, on virtual time. After every call the safety rules are checked. Each scenario
leaves a trace, which is compared with the accepted one beside it (NAME.trace). docs/scenarios.md
describes how to write one.]])
  command:epilog(cli.exit_codes({ "ok", "failed", "configuration", "usage" }) .. [[


Example:
  takeover test                        every scenario in ./tests/scenarios
  takeover test my-site/*.lua --accept    keep the traces as they are now
  takeover test --filter "ms1 dies"
  takeover test --seed 7               the same, with devices and guests of another speed]])
  command:argument("paths", "Scenario files, or folders of them (default: ./tests/scenarios)")
    :args("*")
  command:option("--filter", "Only those whose file name or sentence contains this")
    :argname("TEXT")
  command:flag("--accept", "Write the traces beside the scenarios instead of comparing them")
  command:flag("--trace", "Print every trace")
  command:option("--seed", "Play with other latencies, which this number decides")
    :argname("N")
  command:option("--junit", "Also write the results as JUnit XML"):argname("FILE")
end

local function scenario_files(paths)
  local files = {}
  for _, path in ipairs(#paths > 0 and paths or { "tests/scenarios" }) do
    local found = fs.find(path)
    if not found then
      failure.raise({ code = "FS_NOT_FOUND", message = "there is no scenario " .. path })
    end
    if found.kind == "directory" then
      for _, name in ipairs(fs.list(path)) do
        if name:find("%.lua$") then
          files[#files + 1] = path .. "/" .. name
        end
      end
    else
      files[#files + 1] = path
    end
  end
  return files
end

local function trace_path(path)
  return (path:gsub("%.lua$", "") .. ".trace")
end

-- The first line in which two traces differ.
local function difference(accepted, trace)
  local lines = {}
  for line in accepted:gmatch("[^\n]*") do
    lines[#lines + 1] = line
  end
  for i = 1, math.max(#lines, #trace) do
    if (lines[i] or "") ~= (trace[i] or "") then
      return ("line %d of the trace: accepted %q, now %q"):format(i, lines[i] or "", trace[i] or "")
    end
  end
end

-- Compares with, or writes, the accepted trace.
local function compare(result, accept)
  local path = trace_path(result.path)
  local text = table.concat(result.trace, "\n") .. "\n"
  if accept then
    fs.write(path, text)
    return
  end
  if not fs.find(path) then
    return
  end
  local accepted = fs.read(path):gsub("\r\n", "\n")
  if accepted ~= text then
    result.passed = false
    result.problem = difference(accepted, result.trace)
    result.hint = "if the new one is right: takeover test --accept " .. result.path
  end
end

local function show(result, with_trace)
  local word = result.passed and output.paint("ok", "green") or output.paint("FAILED", "red")
  output.line("%s  %s", output.pad(word, 6), result.title)
  if with_trace or not result.passed then
    for _, line in ipairs(result.trace) do
      output.line("      %s", line)
    end
  end
  if not result.passed then
    local placed = result.problem:sub(1, #result.path) == result.path
    output.line("      %s%s", placed and "" or result.path .. ": ", result.problem)
    if result.hint then
      output.line("      %s", result.hint)
    end
  end
end

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function xml_text(text)
  return (text:gsub('[&<>"]', escapes):gsub("[\0-\8\11\12\14-\31]", "?"))
end

local function junit(results, failed, seconds)
  local lines = {
    '<?xml version="1.0" encoding="UTF-8"?>',
    ('<testsuite name="scenarios" tests="%d" failures="%d" time="%.3f">'):format(#results, failed,
      seconds),
  }
  for _, result in ipairs(results) do
    lines[#lines + 1] = ('  <testcase classname="%s" name="%s" time="%.3f">'):format(
      xml_text(result.path), xml_text(result.title), result.took)
    if not result.passed then
      lines[#lines + 1] = ('    <failure message="%s">%s</failure>'):format(
        xml_text(result.problem), xml_text(table.concat(result.trace, "\n")))
    end
    lines[#lines + 1] = "  </testcase>"
  end
  lines[#lines + 1] = "</testsuite>"
  return table.concat(lines, "\n") .. "\n"
end

local function seed_of(arguments)
  local text = arguments.seed
  local seed = math.tointeger(tonumber(text))
  if text and not seed then
    failure.raise({ code = "USAGE", message = ('--seed wants a whole number, not "%s"')
      :format(text) })
  elseif seed and arguments.accept then
    failure.raise({ code = "USAGE", message = "--accept keeps the usual traces: not with --seed" })
  end
  return seed
end

function M.run(arguments)
  local story = require("lab.story")
  local seed = seed_of(arguments)
  local results, failed, began = {}, 0, loop.now()
  for _, path in ipairs(scenario_files(arguments.paths)) do
    local start = loop.now()
    local result = story.play(path, seed)
    result.took = loop.now() - start
    local name = path .. "\n" .. result.title
    if not arguments.filter or name:lower():find(arguments.filter:lower(), 1, true) then
      if seed then
        result.hint = ("the same again: takeover test --seed %d %s"):format(seed, path)
      elseif result.passed then
        compare(result, arguments.accept)
      end
      results[#results + 1] = result
      failed = failed + (result.passed and 0 or 1)
      show(result, arguments.trace)
    end
  end
  if arguments.junit then
    fs.write(arguments.junit, junit(results, failed, loop.now() - began))
  end
  output.line("scenarios: %d passed, %d failed", #results - failed, failed)
  local plain = {}
  for i, result in ipairs(results) do
    plain[i] = {
      path = result.path, title = result.title, passed = result.passed, problem = result.problem,
      seconds = result.seconds, trace = require("json").array(result.trace),
    }
  end
  output.document({
    command = "test", seed = seed, passed = #results - failed, failed = failed,
    scenarios = require("json").array(plain), exit_code = failed > 0 and 11 or 0,
  })
  return failed > 0 and 11 or 0
end

return M
