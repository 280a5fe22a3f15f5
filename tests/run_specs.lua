-- Runs the specs (tests/spec/*_spec.lua) with busted inside the host, so that natives and the
-- scheduler just work:
--
--   build/dev/takeover --system-modules run tests/run_specs.lua [options] [what ...]
--
--   what           spec files, or words that a spec's file name contains; default: every spec
--   --without WORD not the spec files whose name contains WORD; may be repeated
--   --without-test TEXT
--                  not the tests whose full title contains TEXT; may be repeated
--   --name TEXT    only tests whose full title contains TEXT
--   --jobs N       spec files at the same time (default 2)
--   --timeout S    seconds that one spec file may take (default 120)
--   --lua-gc aggressive
--                  collect garbage nearly all the time, which brings out what nobody holds
--   --list         print the spec files only
--
-- Each spec file runs in a process of its own: a crash costs one file, and no test leans on what
-- another left behind. One line for each file, failures in full, then the last line:
-- "specs: N passed, N failed, N pending". Exit code 1 when anything failed.
local busted_core = require("busted.core")
local lfs = require("lfs")

local function usage_error(message)
  error("run_specs: " .. message, 0)
end

local function parse(arguments)
  local options = { what = {}, without = {}, without_tests = {}, jobs = 2, timeout = 120 }
  local takes_value = {
    ["--name"] = "name",
    ["--jobs"] = "jobs",
    ["--timeout"] = "timeout",
    ["--lua-gc"] = "lua_gc",
    ["--one"] = "one", -- internal: this process runs this file
    ["--result"] = "result", -- internal: and leaves its counts here
  }
  local i = 1
  while arguments[i] do
    local argument = arguments[i]
    local key, value = takes_value[argument], arguments[i + 1]
    if key then
      options[key] = value or usage_error(argument .. " needs a value")
      i = i + 1
    elseif argument == "--without" then
      table.insert(options.without, value or usage_error("--without needs a word"))
      i = i + 1
    elseif argument == "--without-test" then
      table.insert(options.without_tests, value or usage_error("--without-test needs a text"))
      i = i + 1
    elseif argument == "--list" then
      options.list = true
    elseif argument:sub(1, 1) == "-" then
      usage_error("there is no option " .. argument)
    else
      options.what[#options.what + 1] = argument
    end
    i = i + 1
  end
  options.jobs = math.tointeger(tonumber(options.jobs)) or usage_error("--jobs wants a number")
  options.timeout = tonumber(options.timeout) or usage_error("--timeout wants a number")
  if options.lua_gc and options.lua_gc ~= "aggressive" then
    usage_error("--lua-gc knows only: aggressive")
  end
  return options
end

---- one spec file, in this process ----------------------------------------------------------------

-- A cycle begins as soon as one ends and runs at full speed, and everything is collected whenever
-- the scheduler goes to wait: what a native needs later must be held by then.
local function collect_aggressively()
  collectgarbage("incremental", 0, 1000, 4)
  collectgarbage("setpause", 0)
  local loop = require("loop")
  local poll = loop.poll
  loop.poll = function(...)
    collectgarbage()
    return poll(...)
  end
end

local function full_title(busted, element)
  local names, parent = { element.name or element.descriptor }, busted.context.parent(element)
  while parent and parent.descriptor ~= "file" and (parent.name or parent.descriptor) do
    table.insert(names, 1, parent.name or parent.descriptor)
    parent = busted.context.parent(parent)
  end
  return table.concat(names, " ")
end

local function report(kind, title, message, trace)
  io.write("  ", kind, ": ", title, "\n")
  io.write("    ", (tostring(message):gsub("\n", "\n    ")), "\n")
  local traceback = trace and trace.traceback
  if kind == "error" and traceback then
    io.write("    ", (traceback:gsub("^%s+", ""):gsub("\n", "\n    ")), "\n")
  end
end

-- Texts as patterns that match themselves.
local function patterns(texts)
  local list = {}
  for i, text in ipairs(texts) do
    list[i] = text:gsub("%p", "%%%0")
  end
  return list
end

local function run_one(options)
  package.path = "tests/spec/?.lua;" .. package.path
  if options.lua_gc then
    collect_aggressively()
  end
  local busted = busted_core()
  require("busted")(busted)
  local counts = { passed = 0, failed = 0, pending = 0 }

  local function count(element, _, status)
    if status == "success" then
      counts.passed = counts.passed + 1
    elseif status == "pending" then
      counts.pending = counts.pending + 1
      io.write("  pending: ", full_title(busted, element), "\n")
    else
      counts.failed = counts.failed + 1
    end
    return nil, true
  end
  busted.subscribe({ "test", "end" }, count)
  for _, kind in ipairs({ "failure", "error" }) do
    busted.subscribe({ kind }, function(element, _, message, trace)
      if element.descriptor ~= "it" then -- a file, a describe, before_each and so on
        counts.failed = counts.failed + 1
      end
      report(kind, full_title(busted, element), message, trace)
      return nil, true
    end)
  end
  require("busted.modules.filter_loader")()(busted, {
    tags = {},
    excludeTags = {},
    filterOut = patterns(options.without_tests),
    filter = patterns({ options.name }),
  })
  require("busted.modules.test_file_loader")(busted, { "lua" })({ options.one }, { "_spec" }, {
    excludes = {},
    recursive = false,
  })
  require("busted.execute")(busted)(1, {})

  if counts.passed + counts.failed + counts.pending == 0 and not options.name then
    counts.failed = 1
    report("error", options.one, "the file has no tests")
  end
  local result = assert(io.open(options.result, "w"))
  result:write(("passed=%d failed=%d pending=%d\n"):format(
    counts.passed, counts.failed, counts.pending))
  assert(result:close())
  return counts.failed > 0 and 1 or 0
end

---- all of them, each in a process of its own -----------------------------------------------------

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

local function read(path)
  local file = io.open(path)
  local text = file and file:read("a")
  if file then
    file:close()
  end
  return text
end

-- First line that a shell command prints.
local function shell(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read("l")
  pipe:close()
  return line
end

local TIMES = "build/spec-times" -- of the last run: what takes long begins first

local function read_times()
  local times = {}
  for name, took in (read(TIMES) or ""):gmatch("(%S+) (%d+)\n") do
    times[name] = tonumber(took)
  end
  return times
end

local function write_times(times)
  local file = io.open(TIMES, "w") -- where there is no build/, nobody needs it
  if file then
    for name, took in pairs(times) do
      file:write(name, " ", took, "\n")
    end
    file:close()
  end
end

local function is_one_of(name, words)
  for _, word in ipairs(words) do
    if name:find(word, 1, true) then
      return true
    end
  end
  return false
end

local function find_specs(what, without)
  local all = {}
  for name in lfs.dir("tests/spec") do
    if name:find("_spec%.lua$") and not is_one_of(name, without) then
      all[#all + 1] = name
    end
  end
  table.sort(all)
  local chosen, seen = {}, {}
  local function choose(path)
    if not seen[path] then
      seen[path] = true
      chosen[#chosen + 1] = path
    end
  end
  for _, word in ipairs(#what > 0 and what or { "" }) do
    local found = false
    if word:find("%.lua$") and lfs.attributes(word) then
      choose(word)
      found = true
    else
      for _, name in ipairs(all) do
        if name:find(word, 1, true) then
          choose("tests/spec/" .. name)
          found = true
        end
      end
    end
    if not found then
      usage_error("no spec matches " .. word)
    end
  end
  return chosen
end

local function total_of(result)
  local counts = {}
  for key, number in (result or ""):gmatch("(%l+)=(%d+)") do
    counts[key] = tonumber(number)
  end
  return counts.pending and counts
end

-- The password that the specs' sites use (tests/spec/support/site.lua): nothing may print it.
local CANARY = "ex7raordinary-secre7"

local function show(name, counts, code, took, output)
  local notes = {}
  if not counts then
    notes[#notes + 1] = code == 124 and "timed out" or "ended early with exit code " .. code
    counts = { passed = 0, failed = 1, pending = 0 }
  elseif counts.failed == 0 and code ~= 0 then
    -- every test passed, but the process says otherwise: a leak, or a crash while closing
    notes[#notes + 1] = ("exit code %d after the last test"):format(code)
    counts.failed = 1
  end
  if output:find(CANARY, 1, true) then
    notes[#notes + 1] = "the password was printed"
    counts.failed = counts.failed + 1
  end
  if counts.pending > 0 then
    notes[#notes + 1] = counts.pending .. " pending"
  end
  print(("%s %-30s %4d passed%s %6.2f s%s"):format(
    counts.failed == 0 and "ok  " or "FAIL", name, counts.passed,
    counts.failed > 0 and (", %d failed"):format(counts.failed) or "", took,
    #notes > 0 and "  (" .. table.concat(notes, ", ") .. ")" or ""))
  if counts.failed > 0 or counts.pending > 0 then
    io.write(output)
  end
  io.flush()
  return counts
end

local function run_all(options)
  local specs, times = find_specs(options.what, options.without), read_times()
  if options.list then
    print(table.concat(specs, "\n"))
    return 0
  end
  local function time_of(path)
    return times[path:match("([^/]+)%.lua$")] or 0
  end
  table.sort(specs, function(a, b)
    local one, other = time_of(a), time_of(b)
    return one > other or (one == other and a < b)
  end)
  local program = shell("readlink /proc/$PPID/exe")
  local scratch = shell("mktemp -d")
  local list = assert(io.open(scratch .. "/list", "w"))
  for _, path in ipairs(specs) do
    list:write(path, "\0")
  end
  assert(list:close())

  -- xargs keeps the given number of processes busy; each one says when it is done, in any order.
  local one = { quote(program), "--system-modules run tests/run_specs.lua --one \"$1\"" }
  one[#one + 1] = "--result \"$out.result\""
  if options.lua_gc then
    one[#one + 1] = "--lua-gc " .. quote(options.lua_gc)
  end
  if options.name then
    one[#one + 1] = "--name " .. quote(options.name)
  end
  for _, text in ipairs(options.without_tests) do
    one[#one + 1] = "--without-test " .. quote(text)
  end
  local worker = ([[
    name=$(basename "$1" .lua); out=%s/$name; began=$(date +%%s%%N); code=0
    timeout -k 5 %s %s >"$out.output" 2>&1 </dev/null || code=$?
    printf "%%s %%s %%s\n" "$name" "$code" "$(( ($(date +%%s%%N) - began) / 1000000 ))"
  ]]):format(scratch, options.timeout, table.concat(one, " "))
  local pipe = assert(io.popen(("xargs -r -0 -a %s/list -n 1 -P %d sh -c %s sh"):format(
    scratch, options.jobs, quote(worker))))
  local total = { passed = 0, failed = 0, pending = 0 }
  local finished = 0
  for line in pipe:lines() do
    local name, code, took_ms = line:match("^(.+) (%d+) (%d+)$")
    local base = scratch .. "/" .. name
    local counts = show(name, total_of(read(base .. ".result")), tonumber(code),
      tonumber(took_ms) / 1000, read(base .. ".output") or "")
    for key, value in pairs(counts) do
      total[key] = total[key] + value
    end
    if lfs.attributes("tests/spec/" .. name .. ".lua") then
      times[name] = tonumber(took_ms)
    end
    finished = finished + 1
  end
  pipe:close()
  shell("rm -r " .. scratch)
  write_times(times)
  if finished < #specs then
    print(("%d spec files did not report"):format(#specs - finished))
    total.failed = total.failed + #specs - finished
  end
  print(("specs: %d passed, %d failed, %d pending"):format(
    total.passed, total.failed, total.pending))
  return (total.failed > 0 or finished == 0) and 1 or 0
end

local options = parse({ ... })
return options.one and run_one(options) or run_all(options)
