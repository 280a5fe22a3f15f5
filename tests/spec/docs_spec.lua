-- The documents say what is there: every path, link, command, option, key, code and native that
-- they name exists, and the tables that repeat a table of the program are equal to it.
local cli = require("cli.cli")
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local fs = require("fs")
local parameters = require("failover.parameters")
local process = require("process")

local PROGRAM = os.getenv("TAKEOVER_EXE") or "/proc/self/exe"
local FOLDERS = "^(%l+)/"
local TOP = {
  lua = true, docs = true, examples = true, tests = true, host = true, natives = true, bench = true,
}

local function documents()
  local list = { "README.md", "CONTRIBUTING.md", "CHANGELOG.md" }
  for _, name in ipairs(fs.list("docs")) do
    if name:find("%.md$") then
      list[#list + 1] = "docs/" .. name
    end
  end
  return list
end

local texts = {}
for _, path in ipairs(documents()) do
  texts[path] = fs.read(path)
end

-- Lines of a document that are not inside a fenced block, and the blocks.
local function parts(text)
  local prose, blocks, block = {}, {}, nil
  for line in text:gmatch("([^\n]*)\n") do
    local language = line:match("^%s*```(%l*)")
    if language and not block then
      block = { language = language, indent = line:match("^%s*"), lines = {} }
      blocks[#blocks + 1] = block
    elseif language then
      block = nil
    elseif block then
      block.lines[#block.lines + 1] = line:sub(#block.indent + 1)
    else
      prose[#prose + 1] = line
    end
  end
  return table.concat(prose, "\n"), blocks
end

-- Lines that are commands: in blocks, and in the code words of the prose that begin with takeover.
local function commands(text)
  local prose, blocks = parts(text)
  local list = {}
  for code in prose:gmatch("`([^`\n]+)`") do
    if code:find("^takeover ") then
      list[#list + 1] = code
    end
  end
  for _, block in ipairs(blocks) do
    for _, line in ipairs(block.lines) do
      local command = block.language ~= "lua" and line:match("^%$?%s*[%u_]*=?%S*%s*(takeover .*)$")
      if command and not command:find("^takeover: ") then
        list[#list + 1] = command:gsub("%s+#.*", "")
      end
    end
  end
  return list
end

local helps = {}
local function help_of(...)
  local key = table.concat({ ... }, " ")
  if not helps[key] then
    local options = { PROGRAM, timeout = 20 }
    for _, word in ipairs({ ... }) do
      options[#options + 1] = word
    end
    options[#options + 1] = "--help"
    helps[key] = process.run(options).stdout
  end
  return helps[key]
end

local known = {}
for _, command in ipairs(cli.commands) do
  known[command[1]] = true
end

-- The help of a command and of all words below it.
local function help_of_all(name)
  local texts_of = { help_of(name) }
  for _, below in ipairs(require("cli.commands." .. name).subcommands or {}) do
    texts_of[#texts_of + 1] = help_of(name, below[1])
  end
  return table.concat(texts_of)
end

local function has_option(help, option)
  return (help .. " "):find(option:gsub("%-", "%%-") .. "[%s%],]") ~= nil
end

-- What is wrong with a command line of a document; nil when nothing is.
local function mistake_in(command)
  local name, options, expects_value = nil, {}, false
  for word in command:gsub('"[^"]*"', "TEXT"):gmatch("%S+") do
    word = word:gsub("[.,:;]$", "")
    if word:find("^%-%-%l") then
      options[#options + 1] = word:match("^[%-%l]+")
      expects_value = not word:find("=", 1, true) and not has_option(help_of(), word)
        or help_of():find(word:gsub("%-", "%%-") .. " %u") ~= nil
    elseif expects_value then
      expects_value = false
    elseif not name and word ~= "takeover" then
      name = word
    end
    if name == "run" then
      break -- what follows belongs to the script
    end
  end
  if name and name:find("^%l+$") and not known[name] then
    return "there is no command " .. name
  end
  for _, option in ipairs(options) do
    local help = help_of() .. (name and known[name] and help_of_all(name) or "")
    if not has_option(help, option) then
      return ("%s has no option %s"):format(name or "takeover", option)
    end
  end
end

local function slug(heading)
  return (heading:lower():gsub("[^%w %-_]", ""):gsub(" ", "-"))
end

local function anchors(text)
  local set = {}
  for heading in ("\n" .. parts(text)):gmatch("\n#+ ([^\n]+)") do
    set[slug(heading)] = true
  end
  return set
end

local function resolve(from, target)
  local folder = from:match("^(.*)/[^/]*$")
  local path = folder and folder .. "/" .. target or target
  local count
  repeat
    path, count = path:gsub("[^/]+/%.%./", "")
  until count == 0
  return path
end

-- Rows of the table whose head begins with the words: lists of cells.
local function table_after(text, head)
  local rows, inside = {}, false
  for line in text:gmatch("([^\n]*)\n") do
    if line:sub(1, #head) == head then
      inside = true
    elseif inside and not line:find("^|") then
      return rows
    elseif inside and not line:find("^| %-%-%-") then
      local cells = {}
      for cell in line:gmatch("|([^|]+)") do
        cells[#cells + 1] = cell:match("^%s*(.-)%s*$")
      end
      rows[#rows + 1] = cells
    end
  end
  return rows
end

local function report(problems)
  table.sort(problems)
  assert.are.equal("", table.concat(problems, "\n"))
end

describe("the documents", function()
  it("have no dead links", function()
    local problems = {}
    for path, text in pairs(texts) do
      for target in parts(text):gmatch("%]%(([^)%s]+)%)") do
        local file, anchor = target:match("^([^#]*)#?(.*)$")
        if not target:find("^%a+:") then
          local other = file == "" and path or resolve(path, file)
          if not fs.find(other) then
            problems[#problems + 1] = path .. ": " .. target
          elseif anchor ~= "" and not anchors(fs.read(other))[anchor] then
            problems[#problems + 1] = path .. ": no such heading: " .. target
          end
        end
      end
    end
    report(problems)
  end)

  it("are all in the index", function()
    for path in pairs(texts) do
      local name = path:match("^docs/(.*)$")
      if name and name ~= "README.md" then
        assert.is_truthy(texts["docs/README.md"]:find("](" .. name .. ")", 1, true), name)
      end
    end
  end)

  it("name only files that are there", function()
    local problems = {}
    for path, text in pairs(texts) do
      for word in text:gmatch("`([%w_%./%-]+)`") do
        local top = word:match(FOLDERS)
        -- natives/x.c and the like stand for files to be written
        if TOP[top] and not word:find("/x[%._]") and not fs.find((word:gsub("/$", ""))) then
          problems[#problems + 1] = path .. ": " .. word
        end
      end
    end
    report(problems)
  end)

  it("name only commands and options that there are", function()
    local problems, count = {}, 0
    for path, text in pairs(texts) do
      for _, command in ipairs(commands(text)) do
        count = count + 1
        local mistake = mistake_in(command)
        if mistake then
          problems[#problems + 1] = ("%s: %s (%s)"):format(path, mistake, command)
        end
      end
    end
    report(problems)
    assert.is_true(count > 40)
    assert.are.equal("there is no command strat", mistake_in("takeover strat vme2"))
    assert.are.equal("start has no option --evidnce", mistake_in('takeover start --evidnce "x"'))
  end)

  it("name only options that some command has", function()
    local all = help_of()
    for name in pairs(known) do
      all = all .. help_of_all(name)
    end
    for _, path in ipairs(documents()) do
      for option in parts(texts[path]):gmatch("`(%-%-[%l-]+)") do
        if path ~= "CONTRIBUTING.md" then
          assert.is_true(has_option(all, option), path .. ": " .. option)
        end
      end
    end
  end)

  it("name only commands of bootstrap that there are", function()
    local result = process.run({ "./bootstrap", "help", timeout = 20 })
    assert.are.equal(0, result.code)
    for path, text in pairs(texts) do
      for word in text:gmatch("%./bootstrap (%l+)") do
        assert.is_truthy(result.stdout:find("\n  " .. word .. "%f[%s]"), path .. ": " .. word)
      end
    end
  end)

  it("show files of the repository as they are", function()
    local function shows(document, path, from)
      local text = fs.read(path):gsub("\r", ""):gsub("%s+$", "")
      local start = from and assert(text:find(from, 1, true)) or 1
      text = text:sub(start)
      local _, blocks = parts(texts[document])
      for _, block in ipairs(blocks) do
        if table.concat(block.lines, "\n") == text then
          return
        end
      end
      error(document .. " does not show " .. path .. " as it is now", 0)
    end
    shows("README.md", "lua/failover/sequences/start.lua", "local failover")
    shows("README.md", "examples/ecx/start.bat")
    shows("docs/natives.md", "examples/scripts/devices.lua")
  end)
end)

describe("docs/operation.md", function()
  it("names every fact of the shipped sequences", function()
    local failover, steps = require("failover"), require("failover.engine.step")
    local text = texts["docs/operation.md"]:gsub("%s+", " ")
    for _, name in ipairs({ "start", "stop", "monitor", "prepare", "recover" }) do
      steps.each(failover.load_sequence(name).list, function(step)
        local found = text:find(step.name, 1, true)
        assert.is_truthy(found, ("%s of %s is not described"):format(step.name, name))
      end)
    end
  end)
end)

describe("README's tables", function()
  it("have every key of parameters.lua, with its default", function()
    local described = {}
    for _, row in ipairs(table_after(texts["README.md"], "| key |")) do
      described[row[1]:match("`(.-)`")] = row[3]
    end
    local problems = {}
    for _, entry in ipairs(parameters.keys()) do
      local key = entry.key:gsub("^nodes%.NAME%.wmi%.", "wmi."):gsub("%.first_of%[%]", "")
      local default = described[key]
      if not default then
        problems[#problems + 1] = "not described: " .. key
      elseif entry.required and default ~= "required" then
        problems[#problems + 1] = key .. " is required"
      elseif entry.default ~= nil and default ~= tostring(entry.default) then
        problems[#problems + 1] = ("%s: default %s"):format(key, tostring(entry.default))
      elseif default == "required" and not entry.required then
        problems[#problems + 1] = key .. " is not required"
      end
    end
    for key in pairs(described) do
      local found = false
      for _, entry in ipairs(parameters.keys()) do
        found = found or entry.key == key
      end
      if not found then
        problems[#problems + 1] = "there is no key " .. key
      end
    end
    report(problems)
  end)

  it("have the exit codes of the program", function()
    local rows, expected = {}, {}
    for i, row in ipairs(table_after(texts["README.md"], "| code | name |")) do
      rows[i] = table.concat(row, "|")
    end
    for i, entry in ipairs(exit_codes.list) do
      expected[i] = ("%d|`%s`|%s"):format(entry.code, entry.name, entry.meaning)
    end
    assert.are.same(expected, rows)
  end)
end)

describe("the reference of natives", function()
  it("has every failure code", function()
    local described = {}
    for _, row in ipairs(table_after(texts["docs/natives.md"], "| code | from |")) do
      described[row[1]] = {
        source = row[2], transient = row[3] == "yes", unknown = row[4] == "yes", exit = row[5],
        meaning = row[6],
      }
    end
    local expected = {}
    for code, entry in pairs(failure.codes) do
      expected[code] = {
        source = entry.source, transient = entry.transient, unknown = entry.unknown,
        exit = entry.exit, meaning = entry.meaning,
      }
    end
    assert.are.same(expected, described)
  end)

  -- `:verb(...)` and `module.verb(...)`, also with { } for the parentheses.
  it("has every function of lua/meta, and no other", function()
    local reference = texts["docs/natives.md"]
    local problems, verbs, modules = {}, {}, {}
    for _, file in ipairs(fs.list("lua/meta")) do
      local text = fs.read("lua/meta/" .. file)
      for owner, mark, verb in text:gmatch("\nfunction (%w+)([.:])([%w_]+)") do
        verbs[mark .. verb] = true
        modules[owner] = true
        local name = mark == "." and owner .. mark .. verb or mark .. verb
        if owner ~= "loop" and not reference:find(name .. "%f[^%w_]") then
          problems[#problems + 1] = "not described: " .. owner .. mark .. verb
        end
      end
    end
    for code in parts(reference):gmatch("`([^`\n]+)`") do
      local owner, mark, verb = code:match("^(%l*)([.:])([%w_]+)[({]")
      if verb and (owner == "" or modules[owner]) and not verbs[mark .. verb] then
        problems[#problems + 1] = "there is no " .. code
      end
    end
    report(problems)
  end)
end)
