-- What is written to standard output and error: its code page, and how many lines of it.
local console = require("console")
local exit_codes = require("core.exit_codes")
local folder = require("cli.folder")
local fs = require("fs")
local process = require("process")

local PROGRAM = os.getenv("TAKEOVER_EXE")
  or require("lfs").symlinkattributes("/proc/self/exe").target

local PARAMETERS = [[
return {
  eem = { url = "http://127.0.0.1:1/eem", auth = "none" },
  nodes = { ms1 = { group_id = 50 }, ms2 = { group_id = 150 } },
  vms = { ["計算"] = { path = [=[G:\Hyper-V\vme2]=], gpus = { { id = "0x8cdf9d911c60" } } } },
  %s
}
]]

-- A start of many facts, the last of which may fail.
local MANY = [[
local failover = require("failover")
local list = {}
for i = 1, %d do
  list[i] = failover.step("fact " .. i) { holds = function(c)
    if i %% 2 == 0 then c:note("remark " .. i) end
    return true
  end }
end
list[#list + 1] = failover.step "the last" { holds = function() return %s, "it rains" end,
  within = 1 }
return failover.sequence "start" (list)
]]

local directory

before_each(function()
  directory = folder.temporary()
  fs.make_directory(directory .. "/lua/failover/sequences")
end)

after_each(function()
  folder.remove(directory)
end)

local function parameters(more)
  fs.write(directory .. "/parameters.lua", PARAMETERS:format(more or ""))
end

local function start(facts, holds, arguments, env)
  fs.write(directory .. "/lua/failover/sequences/start.lua", MANY:format(facts, holds))
  local options = {
    PROGRAM, "--lua-path", directory .. "/lua", "start", "計算", timeout = 30,
    env = {
      TAKEOVER_PARAMETERS = directory .. "/parameters.lua", TAKEOVER_STATE = directory .. "/state",
      TAKEOVER_NODE = "ms1", CLP_EVENT = false, TAKEOVER_CODE_PAGE = false,
    },
  }
  for key, value in pairs(env or {}) do
    options.env[key] = value
  end
  table.move(arguments or {}, 1, #(arguments or {}), #options + 1, options)
  local result = process.run(options)
  return result.code, result.stdout, result.stderr
end

local function lines(text)
  return select(2, text:gsub("\n", ""))
end

describe("a code page", function()
  it("is known by a word or a number", function()
    for _, word in ipairs({ "system", "utf-8", "932", "437", "65001" }) do
      assert.is_true(console.is_code_page(word), word)
    end
    for _, word in ipairs({ "", "0", "sjis", "99999", "-932", "932x", "12345" }) do
      assert.is_false(console.is_code_page(word), word)
    end
  end)

  it("is written and read", function()
    assert.are.equal("\x8cv\x8eZ", console.encode("計算", "932"))
    assert.are.equal("計算", console.decode("\x8cv\x8eZ", "932"))
    assert.are.equal("計算", console.encode("計算", "utf-8"))
    assert.are.equal("f\x81r", console.encode("für", "437"))
  end)

  it("puts a question mark for what it does not have, and for what is no UTF-8", function()
    assert.are.equal("a?b", console.encode("a計b", "437"))
    assert.are.equal("a?", console.encode("a\xe8\xa8", "932"))
    assert.are.equal("a\u{fffd}b", console.decode("a\xffb", "utf-8"))
    assert.has_error(function()
      console.encode("x", "no-such")
    end)
  end)

  it("of the output is chosen by option, environment or parameters, in this order", function()
    parameters("console = { code_page = 932 },")
    local _, out = start(1, "true")
    assert.is_truthy(out:find("\x8cv\x8eZ", 1, true))
    _, out = start(1, "true", nil, { TAKEOVER_CODE_PAGE = "utf-8" })
    assert.is_truthy(out:find("計算", 1, true))
    _, out = start(1, "true", { "--code-page", "932" }, { TAKEOVER_CODE_PAGE = "utf-8" })
    assert.is_truthy(out:find("\x8cv\x8eZ", 1, true))
    _, out = start(1, "true", { "--code-page", "932", "--json" })
    assert.is_truthy(out:find("計算", 1, true))
  end)

  it("that there is none of is a mistake", function()
    parameters()
    local code, _, err = start(1, "true", { "--code-page", "sjis" })
    assert.are.equal(exit_codes.usage, code)
    assert.is_truthy(err:find("there is no code page 'sjis'", 1, true))
    code, _, err = start(1, "true", nil, { TAKEOVER_CODE_PAGE = "sjis" })
    assert.are.equal(exit_codes.usage, code)
    assert.is_truthy(err:find("TAKEOVER_CODE_PAGE", 1, true))
    parameters("console = { code_page = 12345, lines = 5 },")
    code, _, err = start(1, "true")
    assert.are.equal(exit_codes.configuration, code)
    assert.matches("console.code_page: must be", err)
    assert.matches("console.lines: must be 0", err)
  end)
end)

describe("the number of lines", function()
  it("is limited under EXPRESSCLUSTER, and the result is among them", function()
    parameters()
    local code, out, err = start(300, "true", nil, { CLP_EVENT = "START" })
    assert.are.equal(0, code)
    assert.is_true(lines(out) + lines(err) <= 200)
    assert.matches("%((%d+) lines more are left out here; the journal has all%)\n計算 runs on ms1",
      out)
    local left_out = tonumber(out:match("%((%d+) lines more"))
    assert.are.equal(300 + 150 + 1 + 1 + 1, lines(out) - 1 + left_out)
  end)

  it("is that of the parameters, and has room for a failure with its hint", function()
    parameters("console = { lines = 60 },")
    local code, out, err = start(100, "false", nil, { CLP_EVENT = "FAILOVER" })
    assert.are.equal(exit_codes.failed, code)
    assert.is_true(lines(out) + lines(err) <= 60)
    assert.matches("it rains", err)
    assert.matches("What to do: takeover history", err)
  end)

  it("is not limited by hand, unless it is asked for", function()
    parameters()
    local _, out = start(300, "true")
    assert.are.equal(300 + 150 + 3, lines(out))
    _, out = start(300, "true", { "--max-lines", "40" })
    assert.is_true(lines(out) <= 40)
    _, out = start(300, "true", { "--max-lines", "0" }, { CLP_EVENT = "START" })
    assert.are.equal(300 + 150 + 3, lines(out))
  end)

  it("counts log lines, too, and no JSON document", function()
    parameters()
    local arguments = { "--log-level", "debug" }
    local _, out, err = start(300, "true", arguments, { CLP_EVENT = "START" })
    assert.is_true(lines(out) + lines(err) <= 200)
    _, out = start(300, "true", { "--json" }, { CLP_EVENT = "START" })
    assert.are.equal(301, #require("json").decode(out).steps)
  end)

  it("must leave room for the result", function()
    parameters()
    assert.are.equal(exit_codes.usage, (start(1, "true", { "--max-lines", "39" })))
    assert.has_error(function()
      console.configure({ lines = 39 })
    end)
  end)
end)
