-- The rules of the simulated cluster: device assignment, jobs and faults.
local cluster = require("support.cluster")

local GPU, BRIDGED, VM = cluster.GPU, cluster.BRIDGED, cluster.VM
local PREPARED, RUNNING, GPU_PCI = cluster.PREPARED, cluster.RUNNING, cluster.GPU_PCI
local GPU_PCIP = cluster.GPU_PCIP
local pass, refused, done = cluster.pass, cluster.refused, cluster.done
local failed, find_pci, connect = cluster.failed, cluster.find_pci, cluster.connect
local dismount, violation, forced = cluster.dismount, cluster.violation, cluster.forced

local w, fabric, ms1

local function make(options)
  w, fabric, ms1 = cluster.make(options)
end

describe("the simulated device assignment", function()
  before_each(function()
    make({ vms = PREPARED })
  end)

  it("dismounts only a device whose driver is disabled", function()
    local device = connect(ms1, 50)
    local settings = forced(device.id)
    local job = failed(ms1.hyperv:dismount(settings))
    assert.matches("driver is enabled", job.error_text)
    assert.is_not_nil(find_pci(ms1, GPU_PCI))
    ms1.pnp:disable(device.id)
    job = done(ms1.hyperv:dismount(settings))
    assert.equal(260, job.type)
    assert.is_nil(find_pci(ms1, GPU_PCI))
    assert.equal(find_pci(ms1, GPU_PCIP).id, job.out.instance)
  end)

  it("dismounts without directives only when forced, and never a bridge", function()
    local device = connect(ms1, 50)
    ms1.pnp:disable(device.id)
    local job = failed(ms1.hyperv:dismount({ instance = device.id }))
    assert.matches("directives", job.error_text)
    fabric:set_group(BRIDGED, 50)
    pass(w.latency.link + w.latency.enumerate)
    local bridge = find_pci(ms1, "VEN_10B5")
    ms1.pnp:disable(bridge.id)
    job = failed(ms1.hyperv:dismount(forced(bridge.id)))
    assert.matches("cannot be assigned", job.error_text)
  end)

  it("lists a dismounted device after a lag, and twice when it is assigned", function()
    local device = connect(ms1, 50)
    ms1.pnp:disable(device.id)
    done(ms1.hyperv:dismount({ location = device.location, require_acs = false,
      require_mitigations = false }))
    assert.equal(0, #ms1.hyperv:assignable())
    pass(w.latency.list_lag)
    assert.equal(1, #ms1.hyperv:assignable())
    done(ms1.hyperv:add_resource(VM, { kind = "pci", location = device.location }))
    local list = ms1.hyperv:assignable()
    assert.equal(2, #list)
    assert.equal(list[1].location, list[2].location)
    assert.equal(VM, list[2].vm)
  end)

  it("assigns only to a virtual machine that is off and turns off at host shutdown", function()
    local location = connect(ms1, 50).location
    dismount(ms1)
    done(ms1.hyperv:request_state(VM, 2))
    assert.equal(32775, (ms1.hyperv:add_resource(VM, { kind = "pci", location = location })))
    done(ms1.hyperv:request_state(VM, 3))
    done(ms1.hyperv:modify_system(VM, { stop_action = 3 }))
    assert.matches("stop action",
      failed(ms1.hyperv:add_resource(VM, { kind = "pci", location = location })).error_text)
    done(ms1.hyperv:modify_system(VM, { stop_action = 2 }))
    done(ms1.hyperv:add_resource(VM, { kind = "pci", location = location }))
    assert.is_true(ms1.hyperv:assignments(ms1.hyperv:find(VM))[1].present)
  end)

  it("assigns only a dismounted device, and only once", function()
    local location = connect(ms1, 50).location
    local job = failed(ms1.hyperv:add_resource(VM, { kind = "pci", location = location }))
    assert.matches("0x80070490", job.error_text)
    dismount(ms1)
    done(ms1.hyperv:add_resource(VM, { kind = "pci", location = location }))
    assert.equal(32774,
      failed(ms1.hyperv:add_resource(VM, { kind = "pci", location = location })).error_code)
    assert.equal(32774, failed(ms1.hyperv:mount({ location = location })).error_code)
  end)

  it("removes an assignment, also an orphan, and says when it is gone", function()
    local location = connect(ms1, 50).location
    dismount(ms1)
    local id = done(ms1.hyperv:add_resource(VM, { kind = "pci", location = location })).out[1]
    fabric:free(GPU)
    pass(w.latency.unlink)
    assert.is_false(ms1.hyperv:assignments(ms1.hyperv:find(VM))[1].present)
    done(ms1.hyperv:remove_resource(id))
    assert.same({}, ms1.hyperv:find(VM).config.assignments)
    assert.equal(0x80041002, refused(ms1.hyperv.remove_resource, ms1.hyperv, id).hresult)
  end)

  it("mounts a device back disabled", function()
    connect(ms1, 50)
    local dismounted = dismount(ms1)
    done(ms1.hyperv:mount({ instance = dismounted.id, location = dismounted.location }))
    local device = find_pci(ms1, GPU_PCI)
    assert.equal(22, device.problem)
    ms1.pnp:enable(device.id)
    assert.equal(0, find_pci(ms1, GPU_PCI).problem)
  end)

  it("takes a device from under a running virtual machine, and says so", function()
    make({ vms = RUNNING })
    local vm = ms1.hyperv:find(VM)
    assert.is_true(ms1.hyperv:gpu_present(vm))
    fabric:free(GPU)
    pass(w.latency.unlink)
    assert.matches(GPU, violation("I1"))
    assert.equal(3, vm.state)
    make({ vms = RUNNING, switches = { gpu_loss = "lost" } })
    fabric:free(GPU)
    pass(w.latency.unlink)
    vm = ms1.hyperv:find(VM)
    assert.equal(2, vm.state)
    assert.is_false(ms1.hyperv:gpu_present(vm))
    assert.same({ "gpu.count", "0" }, ms1.hyperv:guest_items(vm).own[1])
  end)
end)

describe("jobs and faults", function()
  before_each(function()
    make({ vms = PREPARED })
  end)

  local CALL = { verb = "Invoke", class = "Msvm_ComputerSystem", method = "RequestStateChange" }

  local function arm(effect, more)
    local rule = more or {}
    rule.target, rule.effect, rule.match = "ms1", effect, { method = "RequestStateChange" }
    w.faults:add(rule)
    assert.is_nil(w.faults:take("ms1", CALL))
  end

  it("forget a finished job after its time", function()
    local job = done(ms1.hyperv:request_state(VM, 2))
    assert.equal(job, ms1.hyperv:job(job.id))
    pass(w.latency.job_kept)
    assert.is_nil(ms1.hyperv:job(job.id))
    assert.same({}, ms1.hyperv:jobs())
  end)

  it("answer at once when nothing takes time and the switch says so", function()
    make({ vms = PREPARED, latency = 0, switches = { jobs = "when slow" } })
    local code, job, out = ms1.hyperv:request_state(VM, 2)
    assert.equal(0, code)
    assert.is_nil(job)
    assert.equal(VM, out.affected.id)
    w:set_switch("jobs", "always")
    code, job = ms1.hyperv:request_state(VM, 3)
    assert.equal(4096, code)
    assert.equal(7, job.state)
  end)

  it("lie: success, and nothing has changed", function()
    arm("lie")
    done(ms1.hyperv:request_state(VM, 2))
    assert.equal(3, ms1.hyperv:find(VM).state)
    w.faults:add({ target = "eem", effect = "lie", match = { verb = "PUT" } })
    w.faults:take("eem", { verb = "PUT" })
    assert.equal("50", fabric:set_group(GPU, 50).group_id)
    assert.equal(4093, fabric:device(GPU).group_id)
  end)

  it("fail, hang, warn and vanish as ordered", function()
    arm("job fails", { code = 32778, text = "no", times = 1 })
    local job = failed(ms1.hyperv:request_state(VM, 2))
    assert.equal(32778, job.error_code)
    assert.equal(3, ms1.hyperv:find(VM).state)
    w.faults:clear()
    arm("job hangs", { times = 1 })
    local _, hanging = ms1.hyperv:request_state(VM, 2)
    pass(1000)
    assert.equal(4, hanging.state)
    assert.equal(10, ms1.hyperv:find(VM).state)
    assert.equal(0, ms1.hyperv:stop_job(hanging.id, 4))
    assert.equal(3, ms1.hyperv:find(VM).state)
    w.faults:clear()
    arm("job vanishes", { times = 1 })
    local _, vanishing = ms1.hyperv:request_state(VM, 2)
    pass(w.latency.start)
    assert.is_nil(ms1.hyperv:job(vanishing.id))
    assert.equal(2, ms1.hyperv:find(VM).state)
    w.faults:clear()
    arm("job warns")
    local _, warned = ms1.hyperv:request_state(VM, 3)
    pass(w.latency.turn_off)
    assert.equal(32768, warned.state)
    assert.equal(3, ms1.hyperv:find(VM).state)
  end)

  it("match by place, count and pattern", function()
    w.faults:add({ target = "eem", effect = "drop", match = { verb = "get", nth = 2 } })
    w.faults:add({ target = "*", effect = "delay", seconds = 3, times = 1,
      match = { path = "~/audit$" } })
    assert.is_nil(w.faults:take("eem", { verb = "GET", path = "/api_version" }))
    assert.is_nil(w.faults:take("ms1", { verb = "GET" }))
    assert.equal("drop", w.faults:take("eem", { verb = "GET" }).effect)
    assert.is_nil(w.faults:take("eem", { verb = "GET" }))
    assert.equal(3, w.faults:take("eem", { verb = "PUT", path = "/devices/x/audit" }).seconds)
    assert.is_nil(w.faults:take("eem", { verb = "PUT", path = "/devices/x/audit" }))
    assert.equal(400, refused(w.faults.add, w.faults, { effect = "magic" }).http)
    assert.equal(400,
      refused(w.faults.add, w.faults, { effect = "drop", match = { colour = 1 } }).http)
    assert.equal(5, w:truth().counters.eem.calls)
  end)

  it("make EEM unreachable when it is down", function()
    w:admin("eem", { up = false })
    assert.equal("unreachable", w.faults:take("eem", { verb = "GET" }).effect)
  end)
end)
