-- The rules of the simulated cluster: fabric, plug and play, files, and the truth about it all.
local cluster = require("support.cluster")

local GPU, OTHER, BRIDGED = cluster.GPU, cluster.OTHER, cluster.BRIDGED
local VM, ROOT, FILE = cluster.VM, cluster.ROOT, cluster.FILE
local DISK, PREPARED, RUNNING = cluster.DISK, cluster.PREPARED, cluster.RUNNING
local GPU_PCI = cluster.GPU_PCI
local pass, refused, done = cluster.pass, cluster.refused, cluster.done
local find_pci, connect, dismount = cluster.find_pci, cluster.connect, cluster.dismount
local violation = cluster.violation

local w, fabric, ms1, ms2

local function make(options)
  w, fabric, ms1, ms2 = cluster.make(options)
end

describe("the simulated fabric", function()
  before_each(function()
    make({ vms = PREPARED })
  end)

  it("links a device some time after it has got a board's group id", function()
    fabric:set_group(GPU, 50)
    local device = fabric:device(GPU)
    assert.equal(50, device.group_id)
    assert.equal("down", device.link)
    pass(w.latency.link - 0.1)
    assert.equal("down", device.link)
    pass(0.1)
    assert.equal("up", device.link)
    assert.equal("0x8cdf9d911c01", device.board)
  end)

  it("refuses a PUT on a device that is in use, unless told to accept it", function()
    fabric:set_group(GPU, 50)
    local problem = refused(fabric.set_group, fabric, GPU, 150)
    assert.equal(400, problem.http)
    assert.equal(50, fabric:device(GPU).group_id)
    w:set_switch("put_in_use", "accept")
    fabric:set_group(GPU, 150)
    assert.equal(150, fabric:device(GPU).group_id)
  end)

  it("moves an accepted regroup from one board to the other, never to both", function()
    connect(ms1, 50)
    w:set_switch("put_in_use", "accept")
    fabric:set_group(GPU, 150)
    pass(w.latency.unlink)
    assert.is_nil(find_pci(ms1, "DEV_1F08"))
    assert.is_nil(fabric:device(GPU).board)
    pass(w.latency.link + w.latency.enumerate)
    assert.is_not_nil(find_pci(ms2, GPU_PCI))
    assert.same({}, w:violations())
  end)

  it("refuses group ids that no board has, that are out of range, and unknown devices", function()
    assert.equal("40000", refused(fabric.set_group, fabric, GPU, 77).code)
    assert.equal("40000", refused(fabric.set_group, fabric, GPU, 4093).code)
    local problem = refused(fabric.set_group, fabric, "0x000000000000", 50)
    assert.equal(404, problem.http)
    assert.equal("40400", problem.code)
    assert.equal("40011", refused(fabric.free, fabric, GPU).code)
  end)

  it("shows a card behind its own switch by the switch's class, and no zero padding", function()
    local detail = fabric:detail(fabric:device(BRIDGED))
    assert.equal("0x60400", detail.pcie_class_code)
    assert.equal("0x10b5", detail.pcie_vendor_id)
    assert.equal("4093", detail.group_id)
    assert.equal("00:00:00:00:00:00", detail.eesv_mac_address)
    fabric:set_group(BRIDGED, 150)
    pass(w.latency.link + w.latency.enumerate)
    assert.equal("8c:df:9d:91:1c:02", fabric:detail(fabric:device(BRIDGED)).eesv_mac_address)
    assert.is_not_nil(find_pci(ms2, "VEN_10B5"))
    assert.is_not_nil(find_pci(ms2, "DEV_1DB6"))
  end)

  it("shows a linked device at a port of its board", function()
    connect(ms1, 50)
    local port = fabric:detail(fabric:device("0x8cdf9d911c01")).downstream_ports[1]
    assert.equal("up", port.eeio_connection_status)
    assert.equal("8c:df:9d:91:1c:60", port.eeio_mac_address)
    fabric:free(GPU)
    pass(w.latency.unlink)
    port = fabric:detail(fabric:device("0x8cdf9d911c01")).downstream_ports[1]
    assert.equal("down", port.eeio_connection_status)
  end)

  it("compares update_time only when told to", function()
    fabric:set_group(GPU, 50, "1")
    w:set_switch("update_time_lock", true)
    assert.equal("50003", refused(fabric.free, fabric, GPU, "1").code)
    fabric:free(GPU, tostring(fabric:device(GPU).update_time))
    assert.equal(4093, fabric:device(GPU).group_id)
  end)

  it("forgets a device that is silent, or any when forced, until it reports", function()
    assert.equal("40011", refused(fabric.remove, fabric, GPU).code)
    w:admin("device", { id = GPU, reachable = false })
    assert.equal("missing", w:truth().devices[1].state)
    fabric:remove(GPU)
    assert.equal(404, refused(fabric.device, fabric, GPU).http)
    w:admin("device", { id = GPU, reachable = true })
    assert.equal(GPU, fabric:device(GPU).id)
    fabric:remove(GPU, true)
    assert.is_nil(fabric:find(GPU))
    pass(w.latency.link)
    assert.equal(GPU, fabric:find(GPU).id)
  end)

  it("resets a card, which takes it from its node for a moment", function()
    connect(ms1, 50)
    fabric:reset(GPU)
    assert.is_nil(find_pci(ms1, "DEV_1F08"))
    pass(w.latency.enumerate)
    assert.is_not_nil(find_pci(ms1, GPU_PCI))
  end)

  it("drops the link when the board loses power, and takes it up again when it is back", function()
    connect(ms1, 50)
    w:admin("kill", { node = "ms1" })
    pass(w.latency.unlink)
    assert.equal("down", fabric:device(GPU).link)
    assert.equal(50, fabric:device(GPU).group_id)
    assert.equal("off", fabric:device("0x8cdf9d911c01").power)
    w:admin("boot", { node = "ms1" })
    pass(w.latency.node_boot)
    assert.equal("up", fabric:device(GPU).link)
    assert.is_not_nil(find_pci(ms1, GPU_PCI))
  end)
end)

describe("the simulated plug and play", function()
  before_each(function()
    make({ vms = PREPARED })
  end)

  it("lists a linked device only after the enumeration lag", function()
    fabric:set_group(GPU, 50)
    pass(w.latency.link)
    assert.is_nil(find_pci(ms1, "DEV_1F08"))
    pass(w.latency.enumerate)
    local device = find_pci(ms1, GPU_PCI)
    assert.equal(0, device.problem)
    assert.equal("Display", device.class)
    assert.is_not_nil(find_pci(ms1, [[PCI\VEN_10DE&DEV_10F9]]))
  end)

  it("waits for a rescan where devices do not come by themselves", function()
    w:set_switch("enumeration", "rescan")
    fabric:set_group(GPU, 50)
    pass(60)
    assert.is_nil(find_pci(ms1, "DEV_1F08"))
    ms1.pnp:rescan()
    pass(w.latency.enumerate)
    assert.is_not_nil(find_pci(ms1, GPU_PCI))
  end)

  it("shows the same device at different locations on different nodes", function()
    local first = connect(ms1, 50).location
    fabric:free(GPU)
    pass(w.latency.unlink)
    local second = connect(ms2, 150).location
    assert.not_equal(first, second)
    assert.equal(first:match("^PCIROOT%(3A%)"), "PCIROOT(3A)")
    assert.same(second, ms2.pnp:location_paths(find_pci(ms2, GPU_PCI).id)[1])
  end)

  it("remembers on this node that a driver was disabled", function()
    local device = connect(ms1, 50)
    ms1.pnp:disable(device.id)
    assert.equal(22, ms1.pnp:find(device.id).problem)
    fabric:free(GPU)
    pass(w.latency.unlink)
    assert.is_nil(ms1.pnp:find(device.id))
    assert.equal(0, connect(ms2, 150).problem)
    fabric:free(GPU)
    pass(w.latency.unlink)
    assert.equal(22, connect(ms1, 50).problem)
  end)

  it("refuses to enable what is not there or dismounted", function()
    assert.equal(0x80041002, refused(ms1.pnp.enable, ms1.pnp, [[PCI\VEN_0\1]]).hresult)
    connect(ms1, 50)
    local dismounted = dismount(ms1)
    assert.equal(0x80041001, refused(ms1.pnp.enable, ms1.pnp, dismounted.id).hresult)
  end)

  it("keeps a phantom of a dismounted device that was unplugged", function()
    connect(ms1, 50)
    local id = dismount(ms1).id
    fabric:free(GPU)
    pass(w.latency.unlink)
    local phantom = ms1.pnp:find(id)
    assert.equal(45, phantom.problem)
    assert.is_false(phantom.present)
    assert.equal(0, #ms1.hyperv:assignable())
  end)

  it("brings a device back disabled, dismounted or enabled, as told", function()
    for returns, expected in pairs({ disabled = 22, dismounted = "gone", enabled = 0 }) do
      make({ vms = PREPARED, switches = { device_returns = returns } })
      connect(ms1, 50)
      dismount(ms1)
      fabric:free(GPU)
      pass(w.latency.unlink)
      fabric:set_group(GPU, 50)
      pass(w.latency.link + w.latency.enumerate)
      local device = find_pci(ms1, GPU_PCI)
      assert.equal(expected, device and device.problem or "gone", returns)
    end
  end)
end)

describe("files of a simulated node", function()
  before_each(function()
    make({ vms = PREPARED })
  end)

  local MACHINES = ROOT .. [[\Virtual Machines]]

  it("are reached by the owner of the disk only", function()
    assert.is_not_nil(ms1.files:find(FILE:lower()))
    assert.is_nil(ms2.files:find(FILE))
    assert.equal(0x80041002, refused(ms2.files.delete, ms2.files, FILE).hresult)
    assert.equal(2, #ms1.files:list(MACHINES))
    assert.same({}, ms2.files:list(MACHINES))
  end)

  it("are copied with their contents, renamed and deleted", function()
    assert.equal(0, ms1.files:copy_directory(MACHINES, ROOT .. [[\bak]]))
    assert.equal(10, ms1.files:copy_directory(MACHINES, ROOT .. [[\bak]]))
    assert.equal(9, ms1.files:copy(FILE, [[G:\none\x.vmcx]]))
    local copy = ROOT .. [[\bak\]] .. VM .. ".vmcx"
    done(ms1.hyperv:modify_system(VM, { stop_action = 4 }))
    assert.equal(2, ms1.files:find(copy).config.stop_action)
    assert.equal(0, ms1.files:rename(ROOT .. [[\bak]], ROOT .. [[\old]]))
    assert.is_nil(ms1.files:find(copy))
    assert.equal(0, ms1.files:delete(ROOT .. [[\old\]] .. VM .. ".vmcx"))
    assert.equal(1, #ms1.files:list(ROOT .. [[\old]]))
    assert.equal(13, ms1.files:rename(ROOT .. [[\old]], [[C:\old]]))
    assert.equal(0, ms1.files:delete(ROOT .. [[\old]]))
    assert.is_nil(ms1.files:find(ROOT .. [[\old]]))
  end)

  it("are protected while a virtual machine has them open", function()
    assert.equal(15, ms1.files:delete(FILE))
    assert.equal(15, ms1.files:rename(MACHINES, ROOT .. [[\x]]))
    done(ms1.hyperv:request_state(VM, 2))
    assert.equal(15, ms1.files:copy(DISK, [[G:\copy.vhdx]]))
    assert.equal(15, ms1.files:delete(ROOT))
  end)
end)

local function verbs()
  local list = {}
  for i, change in ipairs(w:truth().changes) do
    list[i] = change.verb
  end
  return list
end

describe("the truth about the cluster", function()
  it("names devices, nodes, machines, disks and who changed what", function()
    make({ vms = RUNNING })
    local truth = w:truth()
    assert.equal("held", truth.devices[1].state)
    assert.equal("ms1", truth.devices[1].node)
    assert.equal(VM, truth.devices[1].used_by)
    assert.equal("free", truth.devices[2].state)
    assert.same({ "ms1" }, truth.vms[1].running)
    assert.is_true(truth.vms[1].gpu)
    assert.same({ { name = "G:", owner = "ms1" } }, truth.disks)
    w.by = "takeover"
    ms1.hyperv:request_state(VM, 3)
    pass(w.latency.turn_off)
    local change = w:truth().changes[1]
    assert.same({ "turn off", VM, "ms1", "takeover" },
      { change.verb, change.target, change.where, change.by })
    assert.same({ "turn off" }, verbs())
  end)

  it("records a device that nobody accounts for, once", function()
    make({ vms = PREPARED })
    connect(ms1, 50)
    fabric:set_group("0x8cdf9d911c01", 60)
    fabric:audit(OTHER)
    w.invariants:check_devices()
    assert.equal(1, #w:violations())
    assert.matches(GPU, violation("I3"))
  end)

  it("is the same for the same history", function()
    local function run()
      make({ vms = RUNNING })
      w:admin("kill", { node = "ms1" })
      pass(5)
      fabric:free(GPU)
      fabric:set_group(GPU, 150)
      w:admin("move disk", { disk = "G:", node = "ms2" })
      ms2.hyperv:import_definition(FILE)
      pass(30)
      return w:truth()
    end
    assert.same(run(), run())
  end)

  it("applies events of the same time in the order of their making", function()
    make({ vms = PREPARED })
    local order = {}
    local function note(i)
      order[#order + 1] = i
    end
    for i = 1, 20 do
      w.clock:after(i % 2 + 1, note, i)
    end
    pass(2)
    local expected = {}
    for i = 2, 20, 2 do
      expected[#expected + 1] = i
    end
    for i = 1, 19, 2 do
      expected[#expected + 1] = i
    end
    assert.same(expected, order)
  end)

  it("tells the time of the next event", function()
    make({ vms = PREPARED })
    assert.is_nil(w:next_event())
    fabric:set_group(GPU, 50)
    assert.equal(cluster.now() + w.latency.link, w:next_event())
    pass(w.latency.link)
    assert.equal(cluster.now() + w.latency.enumerate, w:next_event())
  end)
end)
