-- check and start judge by the same rules: what would make a start fail is no "ready". The real
-- program against a lab over HTTP.
local exit_codes = require("core.exit_codes")
local json = require("json")
local site = require("support.site")

local world

before_each(function()
  world = site.open()
end)

after_each(function()
  world:close()
end)

---@return integer code, string[] lines "state subject text", table checks
local function check(node)
  local result = world:run({ "check", "vme2", "--json" }, { node = node })
  local checks, lines = json.decode(result.stdout).checks, {}
  for i, one in ipairs(checks) do
    lines[i] = ("%s %s: %s; %s"):format(one.state, one.subject, one.text, one.hint or "")
  end
  return result.code, table.concat(lines, "\n"), checks
end

-- check fails with a line that has this text, and so does the start.
local function both_fail(text, more)
  local code, lines = check()
  assert.are.equal(exit_codes.failed, code, lines)
  local failing = lines:match("fail [^\n]*" .. text)
  assert.is_truthy(failing, text .. " is no failing line of:\n" .. lines)
  if more then
    site.contains(lines, more)
  end
  assert.are_not.equal(0, world:run({ "start", "vme2", "--timeout", "8" }).code)
end

local function fault(rule)
  return world.admin:request("POST", "faults", rule)
end

describe("check", function()
  it("is ready where a start goes ahead, and on the other node while the machine runs", function()
    local code, lines = check()
    assert.are.equal(0, code, lines)
    site.contains(lines, "ok start: would go ahead")
    assert.are.equal(0, world:run({ "start", "vme2" }).code)
    code, lines = check("ms2")
    assert.are.equal(0, code, lines)
    site.contains(lines, "ok start: vme2 is running on ms1")
    assert.are.equal(0, (check()))
  end)

  it("fails where another node refuses the password, and once", function()
    fault({ target = "ms2", match = {}, effect = "error", http = 401 })
    both_fail("other node: ")
    local _, lines = check()
    assert.is_nil(lines:find("fail start", 1, true), lines)
  end)

  it("does not fail for another node that does not answer", function()
    fault({ target = "ms2", match = {}, effect = "drop" })
    local code, lines = check()
    assert.are.equal(0, code, lines)
    site.contains(lines, "warn other node: ms2: ")
    site.contains(lines, "ms2 up")
    assert.are.equal(0, world:run({ "start", "vme2" }).code)
  end)

  it("fails where a host lists nothing of what it has", function()
    fault({ target = "ms1", match = {}, effect = "empty" })
    both_fail("WMI_EMPTY")
    local _, lines = check()
    site.contains(lines, "ms1: ")
    site.contains(lines, "is the service vmms running on ms1")
  end)

  it("says where a card is that is at another place than declared", function()
    assert.are.equal(0, world:run({ "start", "vme2" }).code)
    world.admin:request("POST", "admin", { verb = "stop vm", vm = "vme2" })
    local path = world:parameters()
    local fs = require("fs")
    local text = fs.read(path):gsub('device = "1f08" }',
      'device = "1f08", locations = { ms1 = "PCIROOT(0)#PCI(0100)" } }')
    fs.write(path, text)
    both_fail("a 10de:1f08 is at PCIROOT", 'locations.ms1 = "PCIROOT(')
  end)
end)

describe("plan", function()
  it("of a machine that is off has no line about a heartbeat that cannot be told", function()
    local result = world:run({ "plan", "start", "vme2" })
    assert.are.equal(0, result.code)
    assert.is_nil(result.stdout:find("cannot tell", 1, true), result.stdout)
    site.contains(result.stdout, "\nstart would go ahead\n")
  end)

  it("says as its last line what a start would meet", function()
    assert.are.equal(0, world:run({ "start", "vme2" }).code)
    local result = world:run({ "plan", "start", "vme2" }, { node = "ms2" })
    assert.are.equal(exit_codes.refused, result.code)
    assert.is_truthy(result.stdout:find("\nrefused: vme2 is running on ms1 [^\n]*\n$"),
      result.stdout)
    fault({ target = "ms2", match = {}, effect = "error", http = 401 })
    result = world:run({ "plan", "stop", "vme2" }, { node = "ms2" })
    assert.are.equal(exit_codes.unknown, result.code)
    assert.is_truthy(result.stdout:find("\ncannot tell: [^\n]*\n$"), result.stdout)
  end)
end)

describe("status", function()
  it("of servers that are both silent is unknown, though ExpEther Manager answers", function()
    for _, node in ipairs({ "ms1", "ms2" }) do
      fault({ target = node, match = {}, effect = "drop" })
    end
    local result = world:run({ "status" })
    assert.are.equal(exit_codes.unknown, result.code)
    site.contains(result.stdout, "its state cannot be told")
    site.contains(result.stdout, "free, link")
  end)
end)

describe("a card of which Windows reports a problem", function()
  it("is explained by check, status and gpu list", function()
    world.admin:request("POST", "admin", { verb = "device", id = site.GPU, group_id = 50 })
    world.admin:request("POST", "admin", { verb = "device", id = site.GPU, problem = 43 })
    local words = "problem code 43: it has reported a fault itself"
    assert.is_truthy(site.wait_until(function()
      local _, lines = check()
      return lines:find("warn GPU: [^\n]*" .. words)
    end, 20))
    for _, command in ipairs({ "status", "gpu list" }) do
      local arguments = {}
      for word in command:gmatch("%S+") do
        arguments[#arguments + 1] = word
      end
      site.contains(world:run(arguments).stdout, words)
    end
    world.admin:request("POST", "admin", { verb = "device", id = site.GPU, problem = 0 })
    for _, command in ipairs({ "status", "check" }) do
      assert.is_nil(world:run({ command }).stdout:find("problem code", 1, true), command)
    end
  end)
end)
