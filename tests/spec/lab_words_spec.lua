-- What the lab has words for besides errors: lists that lack rows, targets that nobody answers for,
-- hosts that answer for another one, states and numbers that are not expected, rows that are slow
-- to go. Each in both faces, where both can show it; that these agree in every verb is compared by
-- conformance_spec.
local failure = require("failure")
local inprocess = require("lab.direct")
local scheduler = require("core.scheduler")
local seed = require("lab.clusters.seed")
local support = require("support.hyperv")
local virtual_clock = require("core.virtual_clock")
local world_module = require("lab.world")

local VM, GPU = support.VM, support.GPU
local RUNNING = { vme2 = { prepared = true, running = true, devices = { GPU } } }

-- Natives in process on a world, as `actor` calls them.
local function natives_of(world, options)
  local actor = { by = "?", count = 0 }
  local natives = inprocess.natives(world, actor)
  local ms1 = natives.wmi(options or {}, "ms1")
  return {
    world = world, e = natives.eem(options or {}), h = natives.hyperv(ms1), p = natives.pnp(ms1),
    f = natives.files(ms1),
  }
end

describe("in both faces of the lab", function()
  local rig, faces

  local function start(options)
    options.vms = options.vms or RUNNING
    rig = support.start(options)
    options.latency, options.cluster, options.clock = options.latency or 0, seed, scheduler
    faces = {
      { world = rig.world, h = rig:hyperv(), p = rig:pnp(), f = rig:files(),
        e = require("eem").open(rig.lab.eem) },
      natives_of(world_module.new(options)),
    }
  end

  after_each(function()
    faces[1].e:close()
    rig:stop()
  end)

  local function each(fn)
    for _, face in ipairs(faces) do
      face.world:advance()
      fn(face, face.world)
    end
  end

  it("an empty list comes without an error, for as long as it is ordered", function()
    start({})
    each(function(n, world)
      assert.equal(1, #n.h:vms())
      world.faults:add({ target = "ms1", effect = "empty", times = 2 })
      support.raises("WMI_EMPTY", n.h.vms, n.h)
      assert.equal("vme2", n.h:find_vm("vme2").name) -- seen at the second look
      assert.equal(1, #n.h:vms())
      world.faults:add({ target = "eem", effect = "empty" })
      assert.same({}, n.e:devices())
      assert.is_nil(n.e:find_device(GPU))
      world.faults:clear()
      assert.equal(GPU, n.e:find_device(GPU).id)
    end)
  end)

  it("rows are missing by name, by number, or all but the host's own", function()
    start({})
    each(function(n, world)
      local all, cards = #n.p:devices(), #n.h:assignable_devices()
      assert.is_true(cards > 0)
      world.faults:add({ target = "ms1", effect = "short", rows = { GPU } })
      assert.same({}, n.h:assignable_devices())
      assert.equal(1, #n.h:vms())
      assert.is_true(#n.p:devices() < all)
      world.faults:clear()
      world.faults:add({ target = "ms1", effect = "short", rows = { "vme2" } })
      support.raises("WMI_EMPTY", n.h.vms, n.h) -- Windows lists its process all the same
      assert.equal(cards, #n.h:assignable_devices())
      world.faults:clear()
      world.faults:add({ target = "eem", effect = "short", rows = 1 })
      local devices = n.e:devices()
      assert.equal(#world.fabric.slots + 1, #devices)
      world.faults:clear()
      world.faults:add({ target = "ms1", effect = "short", rows = "all" })
      support.raises("WMI_EMPTY", n.h.vms, n.h)
      assert.same({}, n.h:jobs())
      assert.equal("MS1", n.h:host().name)
    end)
  end)

  it("a change is made all the same while lists lack rows of a class", function()
    start({})
    each(function(n, world)
      world.faults:add({ target = "ms1", effect = "empty", match = { class = "Msvm_PciExpress" } })
      assert.is_true(n.h:turn_off(VM))
      assert.equal("off", n.h:vm(VM).state)
    end)
  end)

  it("a method returns what was ordered and does nothing, for some seconds", function()
    start({})
    each(function(n, world)
      world.faults:add({ target = "ms1", effect = "return", value = 32775, lasts = 3600,
        match = { method = "RequestStateChange" } })
      local failed = support.raises("HYPERV_STATE", n.h.turn_off, n.h, VM)
      assert.equal(32775, failed.hresult)
      assert.equal("running", n.h:vm(VM).state)
      world.faults:clear()
      world.faults:add({ target = "ms1", effect = "return", value = 32775, lasts = 0 })
      assert.is_true(n.h:turn_off(VM))
    end)
  end)

  it("a registration is shown in a state that it is not in", function()
    start({})
    each(function(n, world)
      for number, word in pairs({
        [0] = "unknown", [1] = "unknown", [5] = "unknown", [7] = "unknown", [8] = "unknown",
        [3] = "off", [32781] = "critical",
      }) do
        world:admin("shows", { vm = "vme2", node = "ms1", enabled_state = number,
          health_state = 20, operational_status = { 3, 32769 } })
        local vm = n.h:vm(VM)
        assert.same({ word, "major", "degraded", "applying snapshot" },
          { vm.state, vm.health, vm.status, vm.activity })
      end
      world:admin("shows", { vm = "vme2", node = "ms1" })
      assert.equal("running", n.h:vm(VM).state)
    end)
  end)

  it("another host answers under a node's address", function()
    start({})
    each(function(n, world)
      world:admin("answers as", { node = "ms1", as = "ms2" })
      assert.same({}, n.h:vms())
      world:admin("answers as", { node = "ms1" })
      assert.equal(1, #n.h:vms())
    end)
  end)

  it("a host calls itself otherwise than parameters.lua does", function()
    start({ nodes = { ms1 = { host_name = "hv-17" } } })
    each(function(n)
      assert.equal("HV-17", n.h:host().name)
      assert.equal(true, n.h:assigned(VM)[1].present)
    end)
  end)

  it("a heartbeat is of an older protocol, or of one that is not understood", function()
    start({})
    each(function(n, world)
      world:admin("guest", { vm = "vme2", heartbeat = 3 })
      assert.equal("degraded", n.h:heartbeat(VM))
      world:admin("guest", { vm = "vme2", heartbeat = 7 })
      assert.not_equal("ok", n.h:heartbeat(VM))
    end)
  end)

  it("a card has a problem: a forced stop may bring it, only its slot's power ends it", function()
    start({ switches = { forced_stop = "card fails" } })
    each(function(n, world)
      local function card()
        return n.p:devices({ vendor = "10de", device = "1f08" })[1]
      end
      assert.equal("ok", n.h:guest_items(VM).own["gpu.status"])
      assert.is_true(n.h:turn_off(VM))
      assert.is_true(n.h:unassign(VM, n.h:assigned(VM)[1].id))
      assert.is_true(n.h:mount({ location = card().location }))
      assert.is_true((n.p:enable(card().id)))
      assert.same({ "error", 43 }, { card().status, card().problem })
      world:admin("device", { id = GPU, power = "off" })
      world:admin("device", { id = GPU, power = "on" })
      world:advance()
      n.p:enable(card().id)
      assert.same({ "ok", 0 }, { card().status, card().problem })
      world:admin("device", { id = GPU, problem = 12 })
      assert.equal(12, card().problem)
    end)
  end)

  it("what was removed is listed a while longer", function()
    start({ latency = { removal_lag = 0 } })
    each(function(n, world)
      assert.is_true(n.h:turn_off(VM))
      world:set_latency("removal_lag", 3600)
      local assignment = n.h:assigned(VM)[1]
      assert.is_true(n.h:unassign(VM, assignment.id))
      assert.equal(assignment.id, n.h:assigned(VM)[1].id)
      assert.is_true(n.h:mount({ location = assignment.location }))
      assert.equal(assignment.location, n.h:assignable_devices()[1].location)
      assert.is_true(n.h:unregister(VM))
      assert.equal(VM, n.h:vms()[1].id)
      assert.same({}, world:node("ms1").hyperv.list)
    end)
  end)
end)

describe("on virtual time", function()
  local world, clock

  -- Runs `fn` in a world of its own, whose time is virtual. Gives the seconds that it took.
  local function play(options, fn)
    options.cluster, options.vms = seed, options.vms or RUNNING
    clock = virtual_clock.new(0, {
      next_event = function() return world:next_event() end,
      advance = function() world:advance() end,
    })
    options.clock = clock
    world = world_module.new(options)
    local ok, problem = scheduler.with_driver(clock, fn)
    assert(ok, failure.is(problem) and problem.message or problem)
  end

  local function takes(seconds, fn, ...)
    local began = scheduler.now()
    local ok, raised = pcall(fn, ...)
    assert.is_false(ok)
    assert.near(seconds, scheduler.now() - began, 0.01)
    return raised.code
  end

  it("nobody answers: a connection is waited for, or an answer on the one that stands", function()
    play({}, function()
      local n = natives_of(world)
      local id = world.faults:add({ target = "*", effect = "silence" })
      assert.equal("WMI_UNREACHABLE", takes(10, n.h.vms, n.h))
      assert.equal("EEM_UNREACHABLE", takes(5, n.e.devices, n.e))
      world.faults:remove(id)
      n.h:vms()
      world.faults:add({ target = "*", effect = "silence" })
      assert.equal("WMI_TIMEOUT", takes(30, n.h.vms, n.h))
      assert.equal("WMI_UNREACHABLE", takes(10, n.h.vms, n.h))
      n = natives_of(world, { connect_timeout = 2, timeout = 7 })
      assert.equal("WMI_UNREACHABLE", takes(2, n.h.vms, n.h))
      assert.equal("EEM_UNREACHABLE", takes(2, n.e.devices, n.e))
    end)
  end)

  it("a node without power is silent, unless the switch says that it refuses", function()
    play({}, function()
      local n = natives_of(world)
      world:admin("kill", { node = "ms1" })
      assert.equal("WMI_UNREACHABLE", takes(10, n.h.vms, n.h))
      world:set_switch("dead_nodes", "refused")
      assert.equal("WMI_UNREACHABLE", takes(0, n.h.vms, n.h))
      world:admin("eem", { up = false })
      assert.equal("EEM_UNREACHABLE", takes(0, n.e.devices, n.e))
    end)
  end)

  it("a node that dies while its job is followed is waited for as for an answer", function()
    play({ vms = { vme2 = { prepared = true } } }, function()
      local n = natives_of(world)
      scheduler.spawn(function()
        scheduler.sleep(1)
        world:admin("kill", { node = "ms1" })
      end)
      local began = scheduler.now()
      local failed = support.raises("WMI_TIMEOUT", n.h.start, n.h, VM)
      assert.is_true(failed.maybe_executed)
      assert.is_true(scheduler.now() - began > 30)
    end)
  end)

  it("the guest's items are those of the boot before until its publisher has run", function()
    play({}, function()
      local n = natives_of(world)
      world:admin("guest", { vm = "vme2", publisher = 60 })
      scheduler.sleep(100)
      assert.equal("ok", n.h:guest_items(VM).own["gpu.status"])
      n.h:turn_off(VM)
      world:admin("guest", { vm = "vme2", broken_driver = true })
      n.h:start(VM)
      scheduler.sleep(20)
      assert.equal("ok", n.h:guest_items(VM).own["gpu.status"])
      scheduler.sleep(60)
      assert.equal("error", n.h:guest_items(VM).own["gpu.status"])
    end)
  end)
end)

describe("over HTTP", function()
  it("a node without power says nothing on its port, and comes back on it", function()
    local rig = support.start({ switches = { dead_nodes = "silent" } })
    local options = {}
    for name, value in pairs(rig.lab.wmi.ms1) do
      options[name] = value
    end
    local function ask(connect_timeout)
      options.connect_timeout = connect_timeout
      local wmi = require("wmi").open(options)
      local began = scheduler.now()
      local ok, rows = pcall(wmi.query, wmi, "SELECT * FROM Msvm_ComputerSystem")
      wmi:close()
      return ok, rows, scheduler.now() - began
    end
    for _ = 1, 2 do
      rig.lab.admin:power("ms1", "off")
      local ok, failed, took = ask(0.3)
      assert.same({ false, "WMI_UNREACHABLE" }, { ok, failed.code })
      assert.is_true(took > 0.2, "it was refused after " .. took)
      rig.lab.admin:power("ms1", "on")
      local again, problem = ask(10)
      assert.is_true(again, tostring(problem))
    end
    rig:stop()
  end)

  it("a silent target accepts and says nothing, until the fault is taken back", function()
    local rig = support.start({})
    local options = {}
    for name, value in pairs(rig.lab.wmi.ms1) do
      options[name] = value
    end
    options.timeout = 0.2
    local wmi = require("wmi").open(options)
    local id = rig.world.faults:add({ target = "ms1", effect = "silence" })
    support.raises("WMI_TIMEOUT", wmi.query, wmi, "SELECT * FROM Msvm_ComputerSystem")
    rig.world.faults:remove(id)
    assert.is_true(#rig:wmi():query("SELECT * FROM Msvm_ComputerSystem") > 1)
    wmi:close()
    rig:stop()
  end)
end)

describe("a fault", function()
  it("that cannot be is refused", function()
    local world = world_module.new({ cluster = seed, latency = 0, clock = scheduler })
    for _, rule in ipairs({
      { effect = "short" }, { effect = "short", rows = "some" }, { effect = "short", rows = 1.5 },
      { effect = "return" }, { effect = "return", value = "busy" },
    }) do
      assert.is_false(pcall(world.faults.add, world.faults, rule))
    end
  end)
end)
