-- The same seed gives the same trace everywhere: on another machine addresses, hash seeds, locale,
-- time zone and speed differ, and here they do, too. Compared byte for byte, valgrind's slow
-- processor with its own layout of memory included.
local folder = require("cli.folder")
local fs = require("fs")
local process = require("process")
local scheduler = require("core.scheduler")

local PROGRAM = os.getenv("TAKEOVER_EXE")
  or require("lfs").symlinkattributes("/proc/self/exe").target
local SLOW = 100 -- seconds that one of them may take

-- Branches, undo, a dead node; the explorer's, of which every third has four nodes.
local WORK = {
  { "certify", "--seed", "4711" },
  { "certify", "--seed", "4713" },
  {
    "test", "--trace", "--seed", "7", "tests/scenarios/ecx-start-killed-then-failover.lua",
    "tests/scenarios/exclusion-stop-before-dismount-is-listed.lua",
  },
}

local HERE = { TZ = "UTC", LC_ALL = "C", LANG = "C", HOME = "/" }
local ELSEWHERE = {
  TZ = "Asia/Kathmandu", LC_ALL = "de_DE.UTF-8", LANG = "ja_JP.UTF-8", HOME = "/nonexistent",
  COLUMNS = "40", TERM = "dumb",
}

local directory

setup(function()
  directory = folder.temporary()
end)

teardown(function()
  folder.remove(directory)
end)

-- The output of all work, one after the other. `through`: a program and arguments that start it.
local function output_of(env, through)
  local outputs = {}
  for i, words in ipairs(WORK) do
    local given = { env = env, timeout = SLOW }
    for _, list in ipairs({ through or {}, { PROGRAM }, words }) do
      table.move(list, 1, #list, #given + 1, given)
    end
    local result = process.run(given)
    assert.are.equal(0, result.code, result.stderr)
    outputs[i] = result.stdout
  end
  return table.concat(outputs, "\n")
end

local function is_there(program)
  return process.run({ "sh", "-c", "command -v " .. program }).code == 0
end

-- The first line in which they differ is enough to read.
local function same(wanted, found)
  if wanted == found then
    return
  end
  fs.write(directory .. "/one", wanted)
  fs.write(directory .. "/other", found)
  local difference = process.run({ "diff", directory .. "/one", directory .. "/other" })
  error("the traces differ:\n" .. difference.stdout:sub(1, 1000), 0)
end

local function spawn_all(...)
  local tasks, results = {}, {}
  for i, given in ipairs({ ... }) do
    tasks[i] = scheduler.spawn(output_of, table.unpack(given))
  end
  for i, task in ipairs(tasks) do
    local ok, result = scheduler.join(task)
    results[i] = ok and result or error(result, 0)
  end
  return results
end

describe("a seed", function()
  it("gives the same traces in every process, whatever its environment", function()
    local results = spawn_all({ HERE }, { ELSEWHERE }, { HERE })
    assert.is_true(#results[1] > 5000)
    same(results[1], results[2])
    same(results[1], results[3])
  end)

  it("gives the same traces under valgrind", function()
    if os.getenv("ASAN_OPTIONS") then
      pending("valgrind does not run what is built with sanitizers")
      return
    elseif not is_there("valgrind") then
      pending("valgrind is not installed")
      return
    end
    local results = spawn_all({ HERE }, { ELSEWHERE, { "valgrind", "--tool=none", "-q" } })
    same(results[1], results[2])
  end)

  it("is what makes the difference", function()
    local function stories(seed)
      return process.run({ PROGRAM, "certify", "--seed", seed }).stdout
    end
    assert.are_not.equal(stories("4711"), stories("4712"))
  end)
end)
