-- A device asked for by description, with the real program against a lab over HTTP.
local exit_codes = require("core.exit_codes")
local json = require("json")
local site_module = require("support.site")

local contains = site_module.contains
local SETTLE = 0.2 -- seconds

local site

setup(function()
  site = site_module.open({ latency = 0, vms = { vme2 = { registered = json.array({}) } } })
end)

teardown(function()
  site:close()
end)

before_each(function()
  site:reset()
  site.admin:clear_faults()
end)

local function parameters(gpu)
  site:parameters({
    gpu = gpu, eem = ('user = "%s", password = secret "lab", settle = %g'):format(
      site_module.USER, SETTLE),
  })
end

describe("a start by description", function()
  it("takes what fits, says why, and stop gives just that back", function()
    parameters('vendor = "10de", device = "1f08"')
    local result = site:run({ "start", "vme2", "--json" })
    assert.are.equal(0, result.code, result.stderr)
    local run = json.decode(result.stdout).run
    assert.are.equal(50, site:gpu().group_id)
    local claims = 0
    for path in pairs(site_module.files_below(site.directory)) do
      claims = claims + (path:find("/claims/" .. site_module.GPU, 1, true) and 1 or 0)
    end
    assert.are.equal(1, claims)
    local status = site:run({ "status", "vme2" })
    contains(status.stdout, "connected to ms1")
    local history = json.decode(site:run({ "history", "--run", tostring(run), "--json" }).stdout)
    local said = {}
    for _, note in ipairs(history.notes or {}) do
      said[#said + 1] = note.text
    end
    contains(table.concat(said, "\n"), "is free")
    assert.are.equal(0, site:run({ "replay", tostring(run) }).code)
    assert.are.equal(0, site:run({ "monitor", "vme2" }).code)
    assert.are.equal(0, site:run({ "stop", "vme2" }).code)
    assert.is_true(site:gpu().free or site:gpu().state == "free")
  end)

  it("is DEGRADED with fewer than wanted, and everything says so", function()
    parameters('vendor = "10de", device = "1f08", count = 2, min = 1')
    local result = site:run({ "start", "vme2" })
    assert.are.equal(0, result.code, result.stderr)
    contains(result.stdout, "DEGRADED, with 1 of 2 devices")
    local monitor = site:run({ "monitor", "vme2" })
    assert.are.equal(0, monitor.code)
    contains(monitor.stdout, "DEGRADED: 1 of 2 devices")
    contains(site:run({ "status", "vme2" }).stdout, "DEGRADED: 1 of 2 devices; no other device")
    contains(site:run({ "check", "vme2" }).stdout, "vme2 would have 1 of 2")
  end)

  it("that no device fits changes nothing and says what to ask", function()
    parameters('vendor = "10de", device = "ffff"')
    local before = #site:changes()
    local result = site:run({ "start", "vme2" })
    assert.are.equal(exit_codes.no_device, result.code)
    contains(result.stderr, "takeover gpu explain vme2")
    assert.are.equal(before, #site:changes())
  end)
end)
