-- The running program was built with what makes mistakes in C harder to use, and every fuzz target
-- plays its corpus.
local fs = require("fs")
local process = require("process")
local site_module = require("support.site")

local PROGRAM = site_module.PROGRAM

local function sanitized()
  local symbols = process.run({ "readelf", "-W", "--dyn-syms", PROGRAM, max_output = "4MiB" })
  return symbols.stdout:find("__asan", 1, true) ~= nil
end

describe("the program", function()
  it("is hardened", function()
    if sanitized() then
      return pending("sanitizers find more, and do not go with it")
    end
    local result = process.run({ "sh", "tests/hardening.sh", PROGRAM, timeout = 60 })
    assert.are.equal("", result.stdout .. result.stderr)
    assert.are.equal(0, result.code)
  end)

  it("would be told if it were not", function()
    local path = os.tmpname()
    for _, content in ipairs({ "MZ" .. ("\0"):rep(100), "no program", "\127ELF" }) do
      fs.write(path, content)
      local result = process.run({ "sh", "tests/hardening.sh", path, timeout = 60 })
      assert.are_not.equal(0, result.code)
    end
    os.remove(path)
  end)
end)

describe("the corpus of the fuzz targets", function()
  it("is played by each without a finding", function()
    local build = PROGRAM:match("^(.*)/")
    local result = process.run({ "tests/fuzz/run", "--corpus", build, timeout = 110 })
    assert.are.equal("", result.stdout .. result.stderr)
    assert.are.equal(0, result.code)
  end)

  it("is there for every target", function()
    local build = PROGRAM:match("^(.*)/")
    local result = process.run({ build .. "/takeover_fuzz", "--list", timeout = 60 })
    for name in result.stdout:gmatch("%S+") do
      assert.is_truthy(fs.find("tests/fuzz/corpus/" .. name), name)
    end
    assert.is_truthy(result.stdout:find("wsman", 1, true))
  end)
end)
