-- `takeover certify` as a program: on how many processors, what it says when it is stopped, and
-- when nobody reads it. What it finds is the business of mutants_spec and story_spec.
local exit_codes = require("core.exit_codes")
local folder = require("cli.folder")
local fs = require("fs")
local json = require("json")
local process = require("process")
local scheduler = require("core.scheduler")

local PROGRAM = os.getenv("TAKEOVER_EXE")
  or require("lfs").symlinkattributes("/proc/self/exe").target
local FOR_EVER = "100000000" -- random schedules: more than anybody waits for
local SLOW = 120 -- seconds, under a sanitizer on a busy machine

-- Whether the program has started one of its own, which it does when it is ready for signals.
local function works(child)
  local pid = child:pid()
  local file = io.open(("/proc/%d/task/%d/children"):format(pid, pid))
  local children = file and file:read("a") or ""
  if file then
    file:close()
  end
  return children:find("%d") ~= nil
end

describe("takeover certify", function()
  it("tells what was found until then when it is stopped, and certifies nothing", function()
    local child <close> = process.start({
      PROGRAM, "certify", "monitor", "--jobs", "1", "--random", FOR_EVER, stdout = "pipe",
    })
    local deadline = scheduler.now() + SLOW
    while not works(child) and scheduler.now() < deadline do
      scheduler.sleep(0.02)
    end
    child:kill("TERM")
    local last
    for line in function() return child:read_line({ timeout = SLOW }) end do
      last = line
    end
    assert.matches("every rule held until it was stopped; NOT certified$", last)
    assert.are.equal(15, child:wait(SLOW).code)
  end)

  it("tells a violation once that several schedules have in common", function()
    local result = process.run({
      PROGRAM, "--json", "certify", "stop", "--jobs", "1", "--random", "0", "--use",
      "stop=tests/fixtures/broken/stop-no-read-back.lua", timeout = SLOW,
    })
    assert.are.equal(exit_codes.failed, result.code, result.stderr)
    local said, seen = json.decode(result.stdout), {}
    assert.is_true(said.bad > #said.violations and #said.violations > 0, result.stdout)
    for _, violation in ipairs(said.violations) do
      assert.is_nil(seen[violation.what], violation.what)
      seen[violation.what] = true
    end
  end)

  it("takes a process for each processor that it may use", function()
    local directory = folder.temporary()
    local script = directory .. "/processors.lua"
    fs.write(script, "print(require('loop').processors())")
    local function processors(...)
      local command = { ... }
      table.move({ PROGRAM, "run", script }, 1, 3, #command + 1, command)
      return tonumber(process.run(command).stdout)
    end
    assert.is_true(processors() >= 1)
    assert.are.equal(1, processors("taskset", "-c", "0"))
    folder.remove(directory)
  end)

  it("ends a part of the work that nobody reads any more", function()
    local result = process.run({
      "sh", "-c", '"$0" certify monitor --shard 1/1 --random ' .. FOR_EVER .. " | head -n 1",
      PROGRAM, timeout = SLOW,
    })
    assert.is_false(result.timed_out)
    assert.matches('"kind":"situation"', result.stdout)
  end)
end)
