-- The commands on a whole simulated site: the real program, a process for each command, real HTTP.
local exit_codes = require("core.exit_codes")
local folder = require("cli.folder")
local fs = require("fs")
local json = require("json")
local process = require("process")
local scheduler = require("core.scheduler")
local support = require("support.lab")

local PROGRAM = os.getenv("TAKEOVER_EXE") or "/proc/self/exe"
local DEVICE = "0x8cdf9d911c60"

local PARAMETERS = [[
return {
  eem = { url = "%s", user = "admin", password = secret "site" },
  wmi = { user = "admin", password = secret "site", auth = "basic" },
  nodes = {
    ms1 = { group_id = 50, wmi = { url = "%s" } },
    ms2 = { group_id = 150, wmi = { url = "%s" } },
  },
  devices = { ["0x8cdf9d911c60"] = { name = "gpu1", vendor = "10de", device = "1f08" } },
  vms = {
    vme2 = {
      path = [=[G:\Hyper-V\vme2]=], gpus = { { id = "0x8cdf9d911c60" } },
      mmio = { low = "3GiB", high = "33280MiB" },
    },
  },
}
]]

local directory, lab

local function begin(options)
  options.user, options.password, options.process = "admin", "site-password", true
  lab = support.start(options)
  directory = folder.temporary()
  fs.write(directory .. "/parameters.lua", PARAMETERS:format(lab.eem_url, lab.nodes.ms1.url,
    lab.nodes.ms2.url))
end

after_each(function()
  lab:stop()
  folder.remove(directory)
end)

local function options_for(node, arguments)
  local options = {
    PROGRAM, "--node", node,
    env = {
      TAKEOVER_PARAMETERS = directory .. "/parameters.lua", TAKEOVER_NODE = false,
      TAKEOVER_STATE = directory .. "/" .. node, TAKEOVER_SECRET_SITE = "site-password",
      CLP_EVENT = false, CLP_DISK = false,
    },
  }
  return table.move(arguments, 1, #arguments, #options + 1, options)
end

local function on(node, ...)
  local options = options_for(node, { ... })
  options.timeout = 60
  local result = process.run(options)
  assert.is_false(result.timed_out)
  assert.is_nil((result.stdout .. result.stderr):find("site-password", 1, true))
  return result.code, result.stdout, result.stderr
end

local function device()
  for _, entry in ipairs(lab.admin:truth().devices) do
    if entry.id == DEVICE then
      return entry
    end
  end
end

local function contains(text, piece)
  assert.is_truthy(text:find(piece, 1, true), ("%q is not in:\n%s"):format(piece, text))
end

describe("a site", function()
  it("is looked at by check, status and plan without a change", function()
    begin({})
    assert.are.equal(0, (on("ms1", "check")))
    local code, out = on("ms1", "status", "--json")
    assert.are.equal(0, code)
    local vm = json.decode(out).vms[1]
    assert.are.equal("off", vm.registered[1].state)
    assert.are.equal("ms1", vm.registered[1].node)
    assert.is_true(vm.gpus[1].free)
    assert.are.equal(0, (on("ms1", "plan", "start", "vme2")))
    assert.are.equal(exit_codes.stopped, (on("ms1", "monitor", "vme2")))
    assert.are.same({}, lab.admin:changes())
  end)

  it("starts, is monitored, refuses a second node, and stops, twice", function()
    begin({})
    local code, out, err = on("ms1", "start", "vme2")
    assert.are.equal(0, code, out .. err)
    assert.are.equal(0, (on("ms1", "monitor", "vme2")))
    code, out = on("ms1", "status")
    assert.are.equal(0, code)
    contains(out, "on ms1: running, heartbeat ok")
    contains(out, "connected to ms1, link up")
    contains(out, "last run 1: start on ms1, succeeded")
    local before = #lab.admin:changes()
    code, out, err = on("ms2", "start", "vme2")
    assert.are.equal(exit_codes.refused, code, out)
    contains(err, "vme2 is running on ms1")
    assert.are.equal(0, (on("ms1", "start", "vme2")))
    assert.are.equal(before, #lab.admin:changes())
    assert.are.equal(0, (on("ms1", "stop", "vme2")))
    before = #lab.admin:changes()
    assert.are.equal(0, (on("ms1", "stop", "vme2")))
    assert.are.equal(before, #lab.admin:changes())
    assert.are.same({}, lab.admin:violations())
  end)

  it("keeps every change that was made in the history", function()
    begin({})
    on("ms1", "start", "vme2")
    local _, out = on("ms1", "history", "--run", "1", "--json")
    local changed = {}
    for _, call in ipairs(json.decode(out).calls) do
      if call.kind == "change" then
        changed[call.native .. ":" .. call.verb] = true
      end
    end
    for _, verb in ipairs({ "eem:connect", "pnp:disable", "hyperv:dismount", "hyperv:assign",
      "hyperv:start" }) do
      assert.is_true(changed[verb], verb)
    end
  end)

  it("is started by the next start after kill -9, with hardly more changes than at once", function()
    begin({})
    assert.are.equal(0, (on("ms1", "start", "vme2")))
    local clean = #lab.admin:changes()
    lab.admin:reset({ latency = 0 })
    lab.admin:set_latency({ link = 0.3, boot = 0.3 })
    local options = options_for("ms1", { "start", "vme2" })
    options.stdout, options.stderr = "discard", "discard"
    local child = process.start(options)
    local deadline = scheduler.now() + 10
    while device().group_id ~= 50 and scheduler.now() < deadline do
      scheduler.sleep(0.01)
    end
    child:kill("KILL")
    assert.is_truthy(child:wait(5).signal)
    child:close()
    assert.are.equal(50, device().group_id)
    local _, out = on("ms1", "history")
    contains(out, "interrupted")
    assert.are.equal(0, (on("ms1", "start", "vme2")))
    assert.is_true(#lab.admin:changes() <= clean + 2)
    assert.are.same({}, lab.admin:violations())
  end)

  it("whose EEM accepts and does nothing fails in its time and is left as it was", function()
    begin({})
    lab.admin:fault({ target = "eem", match = { verb = "PUT" }, effect = "lie" })
    local code, _, err = on("ms1", "start", "vme2")
    assert.are.equal(exit_codes.failed, code)
    contains(err, "ExpEther Manager accepted")
    assert.are_not.equal(50, device().group_id)
    assert.are.same({}, lab.admin:violations())
  end)

  it("whose EEM does not answer can still be stopped", function()
    begin({})
    assert.are.equal(0, (on("ms1", "start", "vme2")))
    lab.admin:admin("eem", { up = false })
    local code, out, err = on("ms1", "stop", "vme2", "--timeout", "4")
    assert.are.equal(0, code, out .. err)
    contains(err, "warning:")
    contains(out, "vme2 is stopped on ms1")
  end)

  it("where the password is wrong says so and changes nothing", function()
    begin({})
    local options = options_for("ms1", { "start", "vme2" })
    options.env.TAKEOVER_SECRET_SITE = "another-password"
    options.timeout = 60
    local result = process.run(options)
    assert.are.equal(exit_codes.configuration, result.code)
    contains(result.stderr, "Nothing was changed.")
    assert.are.same({}, lab.admin:changes())
    assert.is_nil((result.stdout .. result.stderr):find("another-password", 1, true))
  end)
end)

describe("the password of a site", function()
  it("is found in a file where it does not belong", function()
    local other = require("support.site").open({ latency = 0 })
    require("fs").write(other.directory .. "/ms1/leak", "x" .. require("support.site").PASSWORD)
    assert.has_error(function()
      other:close()
    end)
  end)
end)
