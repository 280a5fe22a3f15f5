-- What is not listed is not so, over real HTTP: a proxy leaves rows out of the answers of ms1's
-- management service, as one does that has just started, or that an account without rights asks.
local exit_codes = require("core.exit_codes")
local hyperv = require("hyperv")
local pnp = require("pnp")
local site = require("support.site")
local spoiler = require("support.spoiler")
local support = require("support.hyperv")
local wmi = require("wmi")

local VM, raises = support.VM, support.raises
local OTHER = "0B0B0B0B-3B61-4C1D-9E57-5D2B8C6F1A42"
local SYSTEMS = "Msvm_ComputerSystem"

describe("an answer without rows", function()
  local rig, proxy, connection, h

  local function start(options, more)
    rig = support.start(options)
    proxy = spoiler.start(rig.lab.nodes.ms1.url)
    connection = wmi.open({ url = proxy.url, namespace = "root/virtualization/v2" })
    h = hyperv.open(connection, more)
  end

  local function run_vm()
    assert.is_true(h:start(VM))
  end

  after_each(function()
    h:close()
    connection:close()
    proxy:stop()
    rig:stop()
  end)

  local function leave_out(asks, change)
    proxy.rules = { { asks = asks, change = change or spoiler.no_rows } }
  end

  it("is no empty host: the host's own record is missing", function()
    start()
    leave_out(SYSTEMS)
    for _, look in ipairs({ h.vms, h.find_vm }) do
      local failed = raises("WMI_EMPTY", look, h, VM)
      assert.is_true(failed.transient)
      assert.truthy(failed.message:find("host", 1, true))
    end
    raises("WMI_EMPTY", h.find_vm, h, "vme2")
    raises("WMI_EMPTY", h.vm, h, "vme2")
    proxy.rules = {}
    assert.equal(1, #h:vms())
  end)

  it("is no empty host where a process is there and only the host is listed", function()
    start()
    run_vm()
    leave_out(SYSTEMS, spoiler.without(VM))
    assert.equal(VM, raises("WMI_EMPTY", h.vms, h).target)
    assert.equal(VM, raises("WMI_EMPTY", h.find_vm, h, VM).target)
    raises("WMI_EMPTY", h.find_vm, h, "vme2")
  end)

  it("needs an instance that needs rights where no machine is listed", function()
    start()
    proxy.rules = {
      { asks = SYSTEMS, change = spoiler.without(VM) },
      { asks = "Msvm_VirtualSystemManagementService", change = spoiler.no_rows },
    }
    raises("WMI_EMPTY", h.vms, h)
    table.remove(proxy.rules)
    assert.same({}, h:vms()) -- it is off, so that only its record could tell
  end)

  it("that lacks one machine of several says which", function()
    start({ cluster = support.cluster({ {}, { name = "other", id = OTHER } }) })
    run_vm()
    leave_out(SYSTEMS, spoiler.without(VM))
    assert.equal(VM, raises("WMI_EMPTY", h.vms, h).target)
    assert.equal("other", h:find_vm(OTHER).name)
    assert.is_nil(h:find_vm("00000000-0000-0000-0000-000000000000")) -- whom others do not matter
    raises("WMI_EMPTY", h.find_vm, h, "nobody") -- which may be the one that is not listed
  end)

  it("finds in the whole list what the look at one machine did not show", function()
    start()
    h:vms()
    leave_out("WHERE Name=")
    assert.equal("vme2", h:find_vm(VM).name)
  end)

  it("of Windows' processes is no witness without the management service's own", function()
    start()
    leave_out("Win32_Process")
    raises("WMI_EMPTY", h.workers, h)
    raises("WMI_EMPTY", h.vms, h)
    raises("WMI_EMPTY", h.find_vm, h, "nobody")
    assert.equal("vme2", h:find_vm(VM).name) -- what is shown needs no witness
  end)

  it("matches processes by number where their command lines may not be read", function()
    start()
    run_vm()
    leave_out("Win32_Process", function(body)
      return (body:gsub("<p:CommandLine>.-</p:CommandLine>", ""):gsub(
        "<CommandLine>.-</CommandLine>", ""))
    end)
    assert.same({ { process = h:vms()[1].process } }, h:workers())
    proxy.rules[2] = { asks = SYSTEMS, change = spoiler.without(VM) }
    assert.is_nil(raises("WMI_EMPTY", h.vms, h).target)
    raises("WMI_EMPTY", h.find_vm, h, VM)
  end)

  it("of a machine that comes by live migration is its process alone", function()
    start({ vms = { vme2 = { registered = {} } } })
    h:import(support.FILE)
    rig.world:node("ms1").hyperv.processes = function()
      return { { name = "vmms.exe", process = 1 }, { name = "vmwp.exe", id = VM, process = 4711 } }
    end
    assert.same({}, h:vms())
    assert.equal(VM, raises("WMI_EMPTY", h.find_vm, h, VM).target)
  end)

  it("of jobs, settings and planned machines counts where the service is seen", function()
    start()
    leave_out("Msvm_ConcreteJob")
    assert.same({}, h:jobs())
    assert.same({}, h:planned_vms())
    leave_out("Msvm_VirtualSystemManagementService")
    raises("WMI_EMPTY", h.jobs, h)
    raises("WMI_EMPTY", h.planned_vms, h)
    leave_out("Msvm_VirtualSystemSettingData")
    assert.equal(VM, raises("WMI_EMPTY", h.settings, h, VM).target)
  end)

  it("of devices is not believed of a machine that is on and has one", function()
    start({ vms = { vme2 = { prepared = true } } })
    local p <close> = pnp.open(connection:namespace("root/cimv2"))
    rig:connect("ms1")
    local card = p:devices({ vendor = "10de", device = "1f08" })[1]
    p:disable(card.id)
    h:dismount({ location = card.location, force = true })
    h:assign(VM, card.location)
    leave_out("Msvm_PciExpressSettingData")
    assert.same({}, h:assigned(VM)) -- it is off: nothing is lost
    proxy.rules = {}
    run_vm()
    leave_out("Msvm_PciExpressSettingData")
    assert.equal(VM, raises("WMI_EMPTY", h.assigned, h, VM).target)
  end)
end)

describe("the name of a host", function()
  local rig

  after_each(function()
    rig:stop()
  end)

  it("is the one that is meant, in any case, up to the first dot", function()
    rig = support.start()
    for _, name in ipairs({ "ms1", "MS1", "ms1.example.org" }) do
      assert.equal(1, #rig:hyperv("ms1", { host = name }):vms())
    end
  end)

  it("is told to be another one, with the line to write where that is right", function()
    rig = support.start()
    local other = rig:hyperv("ms2", { host = "ms1", node = "ms1" })
    local function dismount()
      other:dismount({ location = "PCIROOT(0)" })
    end
    for _, call in ipairs({ other.vms, other.host, other.find_vm, dismount }) do
      local failed = raises("WMI_OTHER_HOST", call, other, VM)
      assert.is_false(failed.transient)
      assert.truthy(failed.message:find("ms1", 1, true) and failed.message:find("MS2", 1, true))
      assert.truthy(failed.hint:find('host_name = "MS2"', 1, true))
    end
  end)
end)

describe("a site whose management service lists nothing", function()
  local s, proxy

  local function begin()
    s = site.open()
    proxy = spoiler.start(s.lab.nodes.ms1.url)
    s:parameters({ ms1_url = proxy.url })
    assert.equal(exit_codes.ok, s:run({ "start", "vme2" }).code)
  end

  after_each(function()
    proxy:stop()
    s:close()
  end)

  local function unharmed()
    local truth = s.admin:truth()
    assert.same({ "ms1" }, s:vm(truth).running)
    assert.equal(50, s:gpu(truth).group_id)
  end

  it("loses no GPU, whatever is asked of it", function()
    begin()
    local before = #s:changes()
    proxy.rules = { {
      asks = "Msvm_ComputerSystem", change = spoiler.without(VM),
    } }
    local monitor = s:run({ "monitor", "vme2" })
    assert.equal(exit_codes.unknown, monitor.code, monitor.stdout)
    assert.equal(exit_codes.failed, s:run({ "check" }).code)
    local list = s:run({ "--json", "gpu", "list" })
    site.contains(list.stdout, '"use": "unknown"')
    site.contains(s:run({ "status" }).stdout, "process (vmwp.exe")
    assert.equal(exit_codes.unknown, s:run({ "drain", "ms1" }).code)
    for _, command in ipairs({ "stop", "recover" }) do
      local result = s:run({ command, "vme2", "--timeout", "1" })
      site.contains(result.stdout .. result.stderr, "process (vmwp.exe")
      unharmed()
    end
    assert.equal(before, #s:changes())
    proxy.rules = {}
    assert.equal(exit_codes.ok, s:run({ "monitor", "vme2" }).code)
    proxy.rules = { { asks = "Msvm_ComputerSystem", change = spoiler.without(VM) } }
    s.admin:set_latency({ critical = 60 })
    s.admin:give_disk("ms2")
    local start = s:run({ "start", "vme2" }, { node = "ms2" })
    assert.equal(exit_codes.refused, start.code, start.stderr)
    site.contains(start.stdout .. start.stderr, "vme2 runs on ms1")
  end)

  it("that is another node by mistake is not used at all", function()
    begin()
    local before = #s:changes()
    s:parameters({ ms1_url = s.lab.nodes.ms2.url .. "/", ms2_url = proxy.url })
    for _, command in ipairs({ "start", "stop", "recover" }) do
      local result = s:run({ command, "vme2", "--timeout", "2" })
      site.contains(result.stdout .. result.stderr, 'host_name = "MS2"')
      assert.is_true(result.code ~= exit_codes.ok)
    end
    assert.equal(before, #s:changes())
  end)
end)
