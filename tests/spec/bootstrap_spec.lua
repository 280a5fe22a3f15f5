-- ./bootstrap where packages are missing, with the system's tools replaced by ones that only write
-- down how they were called. `lint` serves as the command, because it has no build.
local process = require("process")
local lfs = require("lfs")

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- What a program prints, without the line's end.
local function output(...)
  local result = process.run({ timeout = 20, ... })
  assert(result.code == 0, result.stderr)
  return (result.stdout:gsub("\n$", ""))
end

describe("bootstrap", function()
  local directory, calls

  -- A program in the directory that is the whole PATH.
  local function tool(name, body)
    write(directory .. "/" .. name, "#!/bin/sh\n" .. body .. "\n")
    output("chmod", "+x", directory .. "/" .. name)
  end

  local function bootstrap(...)
    local result = process.run({
      timeout = 20,
      directory = "/",
      env = { PATH = directory },
      lfs.currentdir() .. "/bootstrap",
      ...,
    })
    local file = io.open(calls)
    result.calls = {}
    for line in file and file:lines() or function() end do
      result.calls[#result.calls + 1] = line
    end
    if file then
      file:close()
    end
    return result
  end

  before_each(function()
    directory = output("mktemp", "-d")
    calls = directory .. "/calls"
    for _, name in ipairs({ "dirname", "tr", "sed", "getconf", "cat", "env", "mkdir" }) do
      output("ln", "-s", output("sh", "-c", "command -v " .. name), directory)
    end
    tool("dpkg-query", "exit 1") -- nothing is installed
    tool("apt-get", ([[
      case " $* " in
      *" install "*) echo "install ${*##*--no-remove }" >>%s; exit 100 ;;
      *) echo update >>%s ;;
      esac]]):format(calls, calls))
    tool("sudo", ('echo sudo >>%s; exec "$@"'):format(calls))
    tool("id", "echo 0")
  end)

  after_each(function()
    output("rm", "-r", directory)
  end)

  it("installs what is missing, and once more after an update when that failed", function()
    local result = bootstrap("lint")
    local install = "install lua-check clang-format cppcheck"
    assert.same({ install, "update", install }, result.calls)
    assert.equal(100, result.code)
    assert.match("Installing with apt%-get: lua%-check", result.stderr)
  end)

  it("asks sudo when an ordinary user runs it", function()
    tool("id", "echo 1000")
    local result = bootstrap("lint")
    assert.equal("sudo", result.calls[1])
    assert.equal("install lua-check clang-format cppcheck", result.calls[2])
    assert.match("Installing with sudo apt%-get: lua%-check", result.stderr)
  end)

  it("says what to do where there is no sudo", function()
    tool("id", "echo 1000")
    assert(os.remove(directory .. "/sudo"))
    local result = bootstrap("lint")
    assert.equal(1, result.code)
    assert.same({}, result.calls)
    assert.match("install them as root: apt%-get install lua%-check", result.stderr)
  end)

  it("explains every command", function()
    local result = bootstrap("help")
    assert.equal(0, result.code)
    for _, command in ipairs({ "demo", "build", "test", "lint", "clean", "help" }) do
      assert.match("\n  " .. command .. " ", result.stdout)
    end
  end)

  it("refuses a command that there is not", function()
    local result = bootstrap("tset")
    assert.equal(2, result.code)
    assert.match("usage: ./bootstrap", result.stderr)
  end)
end)
