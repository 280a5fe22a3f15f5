-- The real program where the system gives it little: no standard streams, few descriptors, little
-- memory, an output that is full. It says so and ends; it never crashes.
local exit_codes = require("core.exit_codes")
local fs = require("fs")
local process = require("process")
local site_module = require("support.site")

local contains, PROGRAM = site_module.contains, site_module.PROGRAM

local site

setup(function()
  site = site_module.open({ latency = 0, vms = { vme2 = { prepared = true } } })
end)

teardown(function()
  site:close()
end)

before_each(function()
  site:reset()
end)

-- Runs `sh -c` with the program as "$@".
local function through(script)
  return { through = { "sh", "-c", script .. '\nexec "$@"', "sh" } }
end

-- Without a sanitizer's own reservations.
local function has_limits()
  return process.run({ "sh", "-c", 'ulimit -v 600000; exec "$@"', "sh", PROGRAM, "version" }).code
    == 0
end

describe("a start", function()
  for _, closed in ipairs({ "<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-" }) do
    it("succeeds with closed streams: " .. closed, function()
      local result = site:run({ "start", "vme2" }, through("exec " .. closed))
      assert.are.equal(0, result.code, result.stderr)
      assert.are.same({ "ms1" }, site:vm().running)
    end)
  end

  it("succeeds although its output cannot be written, because its exit code is believed", function()
    local result = site:run({ "start", "vme2" }, through("exec >/dev/full"))
    assert.are.equal(0, result.code, result.stderr)
    contains(result.stderr, "standard output cannot be written: No space left on device")
    assert.are.same({ "ms1" }, site:vm().running)
  end)

  it("says which limit is too low, and begins nothing", function()
    for _, limit in ipairs({ "-n 5", "-n 6", "-n 7", "-n 8", "-n 12", "-n 40" }) do
      local result = site:run({ "start", "vme2" }, through("ulimit " .. limit))
      assert.are.equal(exit_codes.limits, result.code, limit .. ": " .. result.stderr)
      contains(result.stderr, "open files are allowed (ulimit -n)")
    end
    assert.are.equal(0, #site.admin:changes())
  end)

  it("never crashes, however little memory there is", function()
    if not has_limits() then
      return pending("this build reserves memory of its own")
    end
    for _, mebibytes in ipairs({ 20, 40, 60, 80, 100, 130, 160, 200, 260, 400 }) do
      site:reset()
      local result = site:run({ "start", "vme2" }, through("ulimit -v " .. mebibytes * 1024))
      local told = result.code == exit_codes.limits or result.code == 0
        or result.code == 127 -- the loader itself has too little
        or result.code == exit_codes.failed
      assert.is_true(told, ("%d MiB: %d %s"):format(mebibytes, result.code, result.stderr))
    end
  end)
end)

describe("a command whose output is its result", function()
  it("says when it could not be written", function()
    for _, arguments in ipairs({ { "version" }, { "history" }, { "status", "--json" } }) do
      local result = site:run(arguments, through("exec >/dev/full"))
      assert.are.equal(exit_codes.output, result.code, arguments[1] .. result.stderr)
      contains(result.stderr, "standard output cannot be written")
    end
  end)
end)

describe("a pipe in the place of a file", function()
  it("is refused at once, not waited for", function()
    for _, name in ipairs({ "quarantine.json", "parameters.lua", "certificate.json" }) do
      local path = name == "parameters.lua" and site.directory .. "/" .. name
        or site.directory .. "/ms1/" .. name
      os.remove(path)
      process.run({ "mkfifo", path })
      local result = site:run({ "start", "vme2" }, { timeout = 20 })
      os.remove(path)
      contains(result.stderr, "no regular file")
      if name == "parameters.lua" then
        assert.are_not.equal(0, result.code)
      end
      site:parameters()
    end
  end)

  it("does not keep the log waiting", function()
    local path = site.directory .. "/log"
    process.run({ "mkfifo", path })
    local result = site:run({ "start", "vme2", "--log-file", path }, { timeout = 20 })
    os.remove(path)
    assert.are_not.equal(0, result.code)
    contains(result.stderr, "log file")
  end)
end)

describe("passwords", function()
  it("are not inherited by what a script starts, unless it says so", function()
    fs.write(site.directory .. "/child.lua", [[
      local process = require("process")
      for _, env in ipairs({ false, { OTHER = "1" }, { TAKEOVER_SECRET_LAB = "given" } }) do
        local result = process.run({ "sh", "-c", "echo \"[$TAKEOVER_SECRET_LAB]\"; ulimit -c",
          env = env or nil })
        print((result.stdout:gsub("\n", " ")))
      end]])
    local result = site:run({ "run", site.directory .. "/child.lua" },
      { env = { TAKEOVER_SECRET_LAB = "canary" } })
    assert.are.equal("[] 0 \n[] 0 \n[given] 0 \n", result.stdout, result.stderr)
  end)
end)
