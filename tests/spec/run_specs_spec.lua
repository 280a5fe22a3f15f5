-- The runner of the specs, on spec files made for the purpose: what fails must be seen to fail.
local fs = require("fs")
local lfs = require("lfs")
local process = require("process")

describe("the runner of the specs", function()
  local directory

  local function run(...)
    return process.run({
      timeout = 60,
      lfs.symlinkattributes("/proc/self/exe", "target"),
      "--system-modules",
      "run",
      "tests/run_specs.lua",
      ...,
    })
  end

  local function spec(name, text)
    local path = directory .. "/" .. name .. ".lua"
    fs.write(path, text)
    return path
  end

  local function last_line(result)
    return result.stdout:match("([^\n]*)\n$")
  end

  before_each(function()
    directory = process.run({ "mktemp", "-d" }).stdout:gsub("\n", "")
  end)

  after_each(function()
    process.run({ "rm", "-r", directory })
  end)

  it("counts what passes, fails and is pending", function()
    local result = run(spec("mixed", [[
      it("passes", function() end)
      it("fails", function() assert.equal(1, 2) end)
      it("raises", function() error("a word") end)
      pending("comes later")
    ]]))
    assert.equal("specs: 1 passed, 2 failed, 1 pending", last_line(result))
    assert.equal(1, result.code)
    assert.match("failure: fails\n", result.stdout)
    assert.match("error: raises\n[^\n]*a word", result.stdout)
  end)

  it("succeeds when everything passes", function()
    local result = run(spec("good", [[it("passes", function() end)]]))
    assert.equal("specs: 1 passed, 0 failed, 0 pending", last_line(result))
    assert.equal(0, result.code)
  end)

  it("counts a file that ends early, does not load or has no tests as failed", function()
    local result = run(spec("ends", "os.exit(0)"), spec("broken", "it("), spec("empty", ""))
    assert.equal("specs: 0 passed, 3 failed, 0 pending", last_line(result))
    assert.match("ended early with exit code 0", result.stdout)
    assert.match("broken.lua:1:", result.stdout)
    assert.match("the file has no tests", result.stdout)
    assert.equal(1, result.code)
  end)

  it("counts a file that takes too long as failed", function()
    local result = run("--timeout", "0.2", spec("slow", [[
      it("waits", function() require("core.scheduler").sleep(30) end)
    ]]))
    assert.equal("specs: 0 passed, 1 failed, 0 pending", last_line(result))
    assert.match("timed out", result.stdout)
  end)

  it("runs only the tests of a given name", function()
    local path = spec("two", [[
      it("is about apples (red)", function() end)
      it("is about pears", function() error("not wanted") end)
    ]])
    assert.equal("specs: 1 passed, 0 failed, 0 pending", last_line(run("--name", "(red)", path)))
  end)

  it("collects garbage at every wait when it is asked to", function()
    local path = spec("garbage", [[
      collectgarbage("stop") -- of its own accord
      it("is gone", function()
        local weak = setmetatable({ {} }, { __mode = "v" })
        require("core.scheduler").sleep(0.001)
        assert.is_nil(weak[1])
      end)
    ]])
    assert.equal(1, run(path).code)
    assert.equal(0, run("--lua-gc", "aggressive", path).code)
  end)
end)
