-- The demo is the whole thing at once: the lab, the natives over real sockets, the sequences, the
-- commands as processes, kill -9. It plays several times faster than for people.
local exit_codes = require("core.exit_codes")
local folder = require("cli.folder")
local fs = require("fs")
local http = require("http")
local json = require("json")
local process = require("process")

local PROGRAM = os.getenv("TAKEOVER_EXE") or "/proc/self/exe"

local function demo(before, after)
  local options = { PROGRAM, timeout = 100 }
  table.move(before, 1, #before, #options + 1, options)
  options[#options + 1] = "demo"
  options[#options + 1] = "--json"
  table.move(after, 1, #after, #options + 1, options)
  local result = process.run(options)
  assert.is_false(result.timed_out)
  assert.are_not.equal("", result.stdout, result.stderr)
  return result.code, json.decode(result.stdout), result.stderr
end

-- Neither the lab nor the directory is left.
local function left_nothing(document)
  assert.is_nil(fs.find(document.directory))
  local client = http.open({ timeout = 2 })
  local answer = client:request("GET", document.lab.admin .. "/truth")
  client:close()
  assert.is_nil(answer)
end

describe("the demo", function()
  it("ends with the virtual machine on ms2, as the cluster itself confirms", function()
    local code, document, err = demo({}, { "--speed", "5" })
    assert.are.equal("", err)
    assert.are.equal(0, code)
    assert.is_true(document.ok)
    assert.are.same({ "ms2" }, document.truth.running)
    assert.are.equal("ms2", document.truth.holder)
    local killed
    for _, scene in ipairs(document.scenes) do
      assert.is_true(scene.ok, scene.title)
      killed = killed or scene.signal
    end
    assert.is_truthy(killed)
    left_nothing(document)
  end)

  it("cleans up and fails when a command does not do what it should", function()
    local directory = folder.temporary()
    fs.make_directory(directory .. "/failover/sequences")
    fs.write(directory .. "/failover/sequences/prepare.lua", [[
      local failover = require("failover")
      return failover.sequence "prepare" {
        failover.step "the rule" { holds = function() failover.refuse("not today") end },
      }
    ]])
    local code, document, err = demo({ "--lua-path", directory }, {})
    folder.remove(directory)
    assert.are.equal(exit_codes.failed, code)
    assert.is_false(document.ok)
    assert.are.equal(1, #document.scenes)
    assert.are.equal(exit_codes.refused, document.scenes[1].exit_code)
    assert.is_truthy(err:find("exit code 10", 1, true))
    left_nothing(document)
  end)
end)
