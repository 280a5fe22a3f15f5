-- takeover secret, with the real program: a value comes from standard input or a hidden prompt, and
-- goes nowhere but into an owner-only file.
local folder = require("cli.folder")
local fs = require("fs")
local json = require("json")
local process = require("process")

local PROGRAM = os.getenv("TAKEOVER_EXE")
  or require("lfs").symlinkattributes("/proc/self/exe").target
local VALUE = "Correct-Horse-99817"

local PARAMETERS = [[
return {
  eem = { url = "http://127.0.0.1:1/eem", user = "admin", password = secret "eem" },
  wmi = { user = "takeover", password = secret "wmi-all" },
  nodes = {
    ms1 = { group_id = 50 },
    ms2 = { group_id = 150, wmi = { user = "x", password = secret "two" } },
  },
  vms = { vme2 = { path = [=[G:\Hyper-V\vme2]=], gpus = { { id = "0x8cdf9d911c60" } } } },
}
]]

local directory

before_each(function()
  directory = folder.temporary()
end)

after_each(function()
  folder.remove(directory)
end)

local function environment(extra)
  local env = {
    TAKEOVER_STATE = directory .. "/state", TAKEOVER_PARAMETERS = false, TAKEOVER_NODE = "ms1",
    TAKEOVER_SECRET_EEM = false, TAKEOVER_SECRET_WMI_ALL = false, TAKEOVER_SECRET_TWO = false,
  }
  for key, value in pairs(extra or {}) do
    env[key] = value
  end
  return env
end

local function takeover(arguments, input, extra)
  local options = {
    PROGRAM, timeout = 20, input = input or "", env = environment(extra), directory = directory,
  }
  table.move(arguments, 1, #arguments, 2, options)
  local result = process.run(options)
  assert.is_false(result.timed_out)
  return result.code, result.stdout, result.stderr
end

local function file(name)
  return directory .. "/state/secrets/" .. name
end

describe("takeover secret set", function()
  it("reads standard input, and keeps the value in a file of its owner", function()
    assert.are.equal(0, (takeover({ "secret", "set", "eem" }, VALUE .. "\n")))
    assert.are.equal(VALUE .. "\n", fs.read(file("eem")))
    assert.are.equal(tonumber("600", 8), fs.find(file("eem")).mode)
    assert.are.equal(tonumber("700", 8), fs.find(directory .. "/state/secrets").mode)
    assert.are.same({ "eem" }, fs.list(directory .. "/state/secrets"))
    assert.are.equal(VALUE, require("secret").resolve("eem",
      { directory = directory .. "/state/secrets" }))
  end)

  it("cuts off what echo and Windows' editors add, and nothing else", function()
    for input, kept in pairs({
      ["word1\r\n"] = "word1", ["\xef\xbb\xbfword2\n"] = "word2", [" word 3 "] = " word 3 ",
      ["計算機"] = "計算機",
    }) do
      assert.are.equal(0, (takeover({ "secret", "set", "eem" }, input)))
      assert.are.equal(kept .. "\n", fs.read(file("eem")))
    end
  end)

  it("says the value nowhere, neither as text nor as JSON nor in the log", function()
    for _, more in ipairs({ {}, { "--json" }, { "--log-level", "debug" } }) do
      local arguments = { "secret", "set", "eem", "--log-file", directory .. "/log" }
      table.move(more, 1, #more, #arguments + 1, arguments)
      local code, out, err = takeover(arguments, VALUE)
      assert.are.equal(0, code)
      assert.is_nil((out .. err .. fs.read(directory .. "/log")):find(VALUE, 1, true))
    end
  end)

  it("takes no value from the command line", function()
    local code, _, err = takeover({ "secret", "set", "eem", VALUE })
    assert.are.equal(22, code)
    assert.matches("too many arguments", err)
    assert.is_nil(fs.find(file("eem")))
  end)

  it("replaces an earlier value, whatever its permissions were", function()
    fs.make_directory(directory .. "/state/secrets")
    fs.write(file("eem"), "old", { mode = "0644" })
    assert.are.equal(0, (takeover({ "secret", "set", "eem" }, VALUE)))
    assert.are.equal(VALUE .. "\n", fs.read(file("eem")))
    assert.are.equal(tonumber("600", 8), fs.find(file("eem")).mode)
  end)

  it("refuses what cannot be a secret, and keeps the earlier one", function()
    takeover({ "secret", "set", "eem" }, VALUE)
    for input, why in pairs({
      [""] = "it is empty", ["\n"] = "it is empty", ["a\nb"] = "more than one line",
      ["a\0b\0"] = "UTF-16", ["a\tb"] = "control character", [("x"):rep(5000)] = "4096 bytes",
    }) do
      local code, _, err = takeover({ "secret", "set", "eem" }, input)
      assert.are.equal(22, code)
      assert.is_truthy(err:find(why, 1, true), err)
    end
    assert.are.equal(VALUE .. "\n", fs.read(file("eem")))
  end)

  it("refuses a name that leads elsewhere", function()
    for _, name in ipairs({ "../eem", "a/b", ".eem", "a b", "" }) do
      local code, _, err = takeover({ "secret", "set", name }, VALUE)
      assert.are.equal(22, code)
      assert.matches("is not the name of a secret", err)
    end
    assert.is_nil(fs.find(directory .. "/eem"))
  end)

  it("writes nothing where others may change the directory", function()
    fs.make_directory(directory .. "/state/secrets")
    process.run({ "chmod", "0777", directory .. "/state/secrets", timeout = 10 })
    local code, _, err = takeover({ "secret", "set", "eem" }, VALUE)
    assert.are.equal(13, code)
    assert.matches("SECRET_UNSAFE", err)
    assert.are.same({}, fs.list(directory .. "/state/secrets"))
  end)

  it("warns of a value that is too short to be kept out of logs", function()
    local code, _, err = takeover({ "secret", "set", "eem" }, "abc")
    assert.are.equal(0, code)
    assert.matches("less than 4 bytes", err)
  end)

  it("goes where the parameters say", function()
    local parameters = PARAMETERS:gsub("^return {", ("return { secrets = %q,"):format(directory
      .. "/elsewhere"))
    fs.write(directory .. "/parameters.lua", parameters)
    assert.are.equal(0, (takeover({ "secret", "set", "eem" }, VALUE)))
    assert.are.equal(VALUE .. "\n", fs.read(directory .. "/elsewhere/eem"))
  end)

  -- `script` gives the program a terminal; the answers are typed when their prompts are there.
  local function at_terminal(first, second)
    fs.write(directory .. "/type.sh", ([[
wait_for() { n=0; until grep -q "$1" shown 2>/dev/null; do
  n=$((n + 1)); [ $n -lt 500 ] || exit 1; sleep 0.02; done; sleep 0.05; }
touch shown
{ wait_for "secret eem:"; printf '%s'; wait_for "once more:"; printf '%s'; wait_for DONE; } |
  script -qfec '"%s" secret set eem; echo "code $? DONE"' shown >/dev/null
]]):format(first, second, PROGRAM))
    process.run({
      "sh", "type.sh", directory = directory, timeout = 30, env = environment(),
    })
    return fs.read(directory .. "/shown")
  end

  it("asks twice on a terminal, which does not show what is typed", function()
    local shown = at_terminal(VALUE .. "\\n", VALUE .. "\\n")
    assert.is_nil(shown:find(VALUE, 1, true))
    assert.matches("code 0 DONE", shown)
    assert.are.equal(VALUE .. "\n", fs.read(file("eem")))
  end)

  it("changes nothing when the two answers differ, or after Ctrl-C", function()
    assert.matches("not the same.*code 22 DONE", at_terminal("one-1\\n", "two-2\\n"))
    assert.matches("CANCELLED.*code 15 DONE", at_terminal("one-1\\n", "tw\\003"))
    assert.is_nil(fs.find(file("eem")))
  end)
end)

describe("takeover secret list", function()
  it("shows names, kinds and who asks for them, never values", function()
    fs.write(directory .. "/parameters.lua", PARAMETERS)
    takeover({ "secret", "set", "eem" }, VALUE)
    takeover({ "secret", "set", "old" }, VALUE)
    local code, out = takeover({ "secret", "list" }, nil, { TAKEOVER_SECRET_TWO = VALUE })
    assert.are.equal(0, code)
    assert.is_nil(out:find(VALUE, 1, true))
    assert.matches("\neem +file +eem\n", out)
    assert.matches("\nold +file\n", out)
    assert.matches("\ntwo +environment +wmi of ms2\n", out)
    assert.matches("\nwmi%-all +missing +wmi of ms1\n", out)
  end)

  it("says which file will be refused, and why", function()
    takeover({ "secret", "set", "open" }, VALUE)
    process.run({ "chmod", "0644", file("open"), timeout = 10 })
    takeover({ "secret", "set", "moved" }, VALUE)
    fs.write(file("moved"), "takeover secret encrypted by dpapi\n\1\2\3", { mode = "0600" })
    local _, out = takeover({ "secret", "list", "--json" })
    local listed = json.decode(out).secrets
    assert.are.equal("moved", listed[1].name)
    assert.are.equal("dpapi", listed[1].kind)
    assert.matches("another system", listed[1].problem)
    assert.matches("open to others", listed[2].problem)
  end)

  it("is empty before anything is set", function()
    local code, out = takeover({ "secret", "list" })
    assert.are.equal(0, code)
    assert.matches("^no secrets in ", out)
  end)

  it("tells that the environment overrides a file", function()
    takeover({ "secret", "set", "eem" }, VALUE)
    local _, out = takeover({ "secret", "list" }, nil, { TAKEOVER_SECRET_EEM = "other" })
    assert.matches("\neem +file +the environment has another, which counts\n", out)
    assert.is_nil(out:find("EEM", 1, true))
  end)
end)

describe("takeover secret remove", function()
  it("removes the file", function()
    takeover({ "secret", "set", "eem" }, VALUE)
    assert.are.equal(0, (takeover({ "secret", "remove", "eem" })))
    assert.is_nil(fs.find(file("eem")))
  end)

  it("tells the nearest name where there is none", function()
    takeover({ "secret", "set", "eem" }, VALUE)
    local code, _, err = takeover({ "secret", "remove", "em" })
    assert.are.equal(13, code)
    assert.matches('did you mean "eem"', err)
    assert.is_truthy(fs.find(file("eem")))
    assert.are.equal(22, (takeover({ "secret", "remove", "../secrets/eem" })))
    assert.is_truthy(fs.find(file("eem")))
  end)
end)
