-- What there is: every device in one state, who has it, and what stays unknown.
local fleet = require("support.fleet")
local scheduler = require("core.scheduler")
local device, vm = fleet.device, fleet.vm

-- Lays text over the entry of a device in examples/fleet.lua.
local function declare(id, fields)
  return function(text)
    local changed, count = text:gsub('%["' .. id .. '"%] = {', '["' .. id .. '"] = { ' .. fields, 1)
    if count == 0 then
      changed, count = text:gsub("devices = {", 'devices = { ["' .. id .. '"] = { ' .. fields
        .. " },", 1)
    end
    assert.are.equal(1, count)
    return changed
  end
end

local function warned(situation, piece)
  for _, warning in ipairs(situation.warnings) do
    if warning:find(piece, 1, true) then
      return true
    end
  end
  return false
end

describe("the inventory", function()
  it("puts every device that is shown or declared in exactly one state", function()
    local situation = fleet.read({
      edit = declare("0x8cdf9d9201ff", 'name = "gone"'),
      admin = { { "device", { id = fleet.A4, group_id = 777 } } },
      quarantined = { { id = fleet.A2, since = 1800000000, ["until"] = 1800000600, count = 1,
        reason = "its link is down", node = "ms1" } },
    })
    local states = {}
    for _, one in ipairs(situation.devices) do
      assert.is_nil(states[one.id])
      states[one.id] = one.state
    end
    assert.are.same({
      [fleet.A1] = "held", [fleet.A2] = "quarantined", [fleet.A3] = "held", [fleet.A4] = "foreign",
      [fleet.B1] = "held", [fleet.B2] = "held", [fleet.B3] = "free", [fleet.B4] = "free",
      [fleet.C1] = "held", [fleet.C2] = "free", ["0x8cdf9d9201ff"] = "missing",
    }, states)
    assert.is_truthy(device(situation, fleet.A2).why:find("its link is down", 1, true))
    assert.is_truthy(device(situation, fleet.A4).why:find("group 777", 1, true))
    assert.is_truthy(device(situation, "0x8cdf9d9201ff").why:find("does not show it", 1, true))
  end)

  it("remembers how often a device failed lately, also when it is offered again", function()
    local function read(over)
      return device((fleet.read({ quarantined = { { id = fleet.A2, since = 1799990000,
        ["until"] = over, count = 2, reason = "its link is down", node = "ms1" } } })), fleet.A2)
    end
    assert.are.same({ "free", 120 }, { read(1800000000).state, read(1800000000).cost })
    assert.are.same({ "quarantined", 120 }, { read(1800000600).state, read(1800000600).cost })
    assert.are.same({ "free", 0 }, { read(1799900000).state, read(1799900000).cost })
  end)

  it("tells who has what from Hyper-V's assignments", function()
    local situation = fleet.read()
    local card = device(situation, fleet.A1)
    assert.are.same({ "ms1", "train1", true }, { card.node, card.vm, card.vm_running })
    assert.are.same({ fleet.B1, fleet.B2 }, vm(situation, "sim1").devices)
    assert.are.same({ fleet.C1 }, vm(situation, "legacy").devices)
    assert.is_true(vm(situation, "sim1").running)
    assert.is_false(vm(situation, "sim1").degraded)
    assert.are.same({ "off", "ms4", {} }, { vm(situation, "desk2").state,
      vm(situation, "desk2").node, vm(situation, "desk2").devices })
    assert.are.same({}, situation.warnings)
  end)

  it("says what a card is: declared beats ExpEther Manager", function()
    local situation = fleet.read({ edit = declare(fleet.A2, 'vendor = "10de", device = "1eb1",') })
    local a1, a2, b1 = device(situation, fleet.A1), device(situation, fleet.A2),
      device(situation, fleet.B1)
    assert.are.same({ "eem", "10de", "1f08" }, { a1.identity, a1.vendor, a1.device })
    assert.are.same({ "declared", "10de", "1eb1" }, { a2.identity, a2.vendor, a2.device })
    assert.is_true(warned(situation, "declared as 10de:1eb1, but ExpEther Manager shows 10de:1f08"))
    assert.are.same({ "declared", "1db4", true }, { b1.identity, b1.device, b1.bridge })
  end)

  it("takes nothing from a bridge, nor from a 10G slot", function()
    local situation = fleet.read()
    for _, id in ipairs({ fleet.B4, fleet.C2 }) do
      local card = device(situation, id)
      assert.are.same({ "unknown" }, { card.identity, card.vendor, card.device, card.class })
    end
    assert.is_true(device(situation, fleet.B4).bridge)
    assert.is_false(device(situation, fleet.C2).bridge)
    assert.are.equal("declared", device(situation, fleet.C1).identity)
  end)

  it("accepts a card of class 0302 and keeps the class as a hint", function()
    local card = device(fleet.read(), fleet.B3)
    assert.are.same({ "030200", "20f1", "eem" }, { card.class, card.device, card.identity })
  end)

  it("learns from a node what an undescribed card is, where its location is declared", function()
    local place = "PCIROOT(21)#PCI(0000)#PCI(0000)#PCI(0000)#PCI(0000)#PCI(0800)#PCI(0000)"
    local situation = fleet.read({
      edit = declare(fleet.B4, ('locations = { ms1 = "%s" }'):format(place)),
      devices = { [fleet.B4] = { group_id = 50 } },
      vms = { train1 = { devices = {}, registered = "ms1" }, desk1 = { devices = {} } },
    })
    local card = device(situation, fleet.B4)
    assert.are.same({ "node", "10de", "1db4", place }, { card.identity, card.vendor, card.device,
      card.location })
  end)

  it("finds the only card of a model that a node has", function()
    local situation = fleet.read()
    local card = device(situation, fleet.A3)
    assert.is_truthy(card.location:find("^PCIROOT"))
    assert.are.equal("desk1", card.vm)
    assert.is_true(card.dismounted)
  end)

  it("treats two cards of a model as a set, unless one machine has all of it", function()
    -- sim1 has both of ms2's V100s: no doubt; now ms1 has two RTX 2060 of which train1 has one
    local situation = fleet.read({ devices = { [fleet.A2] = { group_id = 50 } } })
    local a1, a2 = device(situation, fleet.A1), device(situation, fleet.A2)
    assert.is_nil(a1.location)
    assert.are.same({ { "train1" }, { "train1" } }, { a1.users, a2.users })
    assert.is_true(a1.vm_running and a2.vm_running)
    assert.are.same({ 1, {} }, { vm(situation, "train1").unresolved,
      vm(situation, "train1").devices })
    assert.is_false(vm(situation, "train1").degraded)
    assert.is_truthy(a2.why:find("give locations in parameters.lua", 1, true))
    assert.are.equal("sim1", device(situation, fleet.B2).vm)
  end)

  it("tells two cards of a model apart by a declared location", function()
    local all, seen = fleet.read({ devices = { [fleet.A2] = { group_id = 50 } } })
    local place
    for _, entry in ipairs(seen.world:node("ms1").pnp.entries) do
      if entry.slot and entry.slot.id == fleet.A1 and entry.index == 0 then
        place = entry.location
      end
    end
    assert.is_nil(device(all, fleet.A1).location)
    local situation = fleet.read({
      devices = { [fleet.A2] = { group_id = 50 } },
      edit = declare(fleet.A1, ('locations = { ms1 = "%s" },'):format(place:lower())),
    })
    local a1, a2 = device(situation, fleet.A1), device(situation, fleet.A2)
    assert.are.equal(place, a1.location)
    assert.are.equal("train1", a1.vm)
    assert.is_truthy(a2.location)
    assert.are_not.equal(place, a2.location)
    assert.is_nil(a2.vm)
    assert.is_false(a2.vm_running)
    assert.are.same({ fleet.A1 }, vm(situation, "train1").devices)
  end)

  it("says that another card is where one is declared to be", function()
    local place = device(fleet.read(), fleet.A3).location
    local situation = fleet.read({
      edit = declare(fleet.A1, ('locations = { ms1 = "%s" },'):format(place)),
    })
    assert.is_true(warned(situation, "shows 10de:1eb1 at " .. place))
  end)

  it("goes on without a node that does not answer", function()
    local situation = fleet.read({ admin = { { "kill", { node = "ms2" } } } })
    local node = fleet.find(situation.nodes, "name", "ms2")
    assert.is_false(node.reachable)
    assert.is_truthy(node.why)
    assert.are.equal("off", node.board_power)
    assert.is_true(warned(situation, "ms2 does not answer"))
    local card = device(situation, fleet.B1)
    assert.are.same({ "held", "ms2" }, { card.state, card.node })
    assert.is_nil(card.vm)
    assert.is_truthy(card.why:find("does not answer", 1, true))
    assert.are.equal("unknown", vm(situation, "sim1").state)
    assert.are.equal("running", vm(situation, "train1").state)
  end)

  it("asks the nodes side by side, each one once", function()
    local _, seen = fleet.read({ latency = { answer = 1 } })
    -- looks of two requests each: the list and the processes; the settings and the devices
    local requests = { ["hyperv:vms"] = 2, ["hyperv:assignments"] = 2 }
    local asked, count, longest = {}, {}, 0
    for _, call in ipairs(seen.calls) do
      local name = call.target .. " " .. call.native .. ":" .. call.verb .. " "
        .. require("json").encode(call.request or {})
      assert.are.equal("look", call.kind)
      assert.are_not.equal("assigned", call.verb) -- not one by one, however many machines there are
      assert.is_nil(asked[name], name .. " is asked twice")
      asked[name] = true
      count[call.target] = (count[call.target] or 0)
        + (requests[call.native .. ":" .. call.verb] or 1)
      longest = math.max(longest, count[call.target])
    end
    assert.is_true(#seen.calls > 2 * longest)
    assert.are.equal(1, count.eem)
    assert.is_true(seen.took <= longest + 1, ("%g s"):format(seen.took))
  end)

  it("asks only the nodes that are wanted", function()
    local situation, seen = fleet.read({ read = { nodes = "own" } })
    for _, call in ipairs(seen.calls) do
      assert.is_true(call.target == "eem" or call.target == "ms1", call.target)
    end
    local node = fleet.find(situation.nodes, "name", "ms2")
    assert.are.same({ false, false, "not asked" }, { node.asked, node.reachable, node.why })
    assert.are.equal("ms2 was not asked", device(situation, fleet.B1).why)
    assert.are.equal("unknown", vm(situation, "sim1").state)
  end)

  it("is nothing without ExpEther Manager, unless it is optional", function()
    local order = { { "eem", { up = false } } }
    local ok, failed = pcall(fleet.read, { admin = order })
    assert.is_false(ok)
    assert.are.equal("EEM_UNREACHABLE", failed.code)
    local situation = fleet.read({ admin = order, read = { eem = "optional" } })
    assert.are.equal("missing", device(situation, fleet.A1).state)
    assert.are.equal("running", vm(situation, "train1").state)
    assert.is_true(warned(situation, "ExpEther Manager cannot be asked"))
  end)

  it("calls a machine degraded that runs with fewer devices than it asks for", function()
    local situation = fleet.read({
      vms = { sim1 = { devices = { fleet.B1 }, registered = "ms2", running = true } },
    })
    assert.is_true(vm(situation, "sim1").degraded)
    assert.are.same({ fleet.B1 }, vm(situation, "sim1").devices)
  end)

  it("names the machine that has a card and is not in parameters.lua", function()
    local situation = fleet.read({
      edit = function(text)
        return (text:gsub("desk1 = {.-\n    },\n", "", 1))
      end,
    })
    local card = device(situation, fleet.A3)
    assert.are.same({ "desk1", true, false }, { card.vm, card.vm_running, card.vm_known })
    assert.is_nil(vm(situation, "desk1"))
  end)

  it("gives a machine that is off the idle card of its node that it alone asks for", function()
    local situation = fleet.read({
      vms = { legacy = { devices = {}, registered = "ms3", running = false } },
      devices = { [fleet.C1] = { group_id = 250 } },
    })
    local legacy = vm(situation, "legacy")
    assert.are.same({ { fleet.C1 }, true }, { legacy.devices, legacy.guessed })
    assert.is_nil(device(situation, fleet.C1).vm)
    assert.are.equal("no virtual machine on ms3 has it", device(situation, fleet.C1).why)
  end)

  it("does not decide between two machines that are off and ask for the same card", function()
    local situation = fleet.read({
      vms = {
        desk1 = { devices = {}, registered = "ms1", running = false },
        desk2 = { registered = "ms1" },
      },
      devices = { [fleet.A3] = { group_id = 50 } },
    })
    assert.are.same({ {}, {} }, { vm(situation, "desk1").devices, vm(situation, "desk2").devices })
  end)

  it("says of devices that left a machine that they are gone", function()
    local situation = fleet.read({
      admin = { { "box", { box = "box2", power = "off" } } }, after = 30,
    })
    assert.is_true(warned(situation, "sim1 on ms2 has 2 devices assigned that are no longer there"))
    local card = device(situation, fleet.B1)
    assert.are.same({ "held", "off", false, "down" }, { card.state, card.power, card.reachable,
      card.link })
    assert.is_truthy(card.why:find("its slot has no power", 1, true))
  end)

  it("shows a GPU that a node gives in shares beside its card", function()
    local gpu
    local function share(world)
      local hyperv = world:node("ms4").hyperv
      local id = hyperv:vms()[1].id
      gpu = hyperv:partitionable()[1].name
      hyperv:add_partition(id, { gpu = gpu, amount = 2 << 30 })
      scheduler.sleep(5)
      hyperv:request_state(id, 2)
      scheduler.sleep(30)
    end
    local options = {
      devices = { [fleet.A4] = { group_id = 350 } }, read = { partitions = true },
      edit = declare(fleet.A4, 'name = "gpu-a4", box = "box1", labels = { purpose = "desktop" }'),
    }
    local idle = device(fleet.read(options), fleet.A4)
    assert.are.same({ "held", "ms4", false }, { idle.state, idle.node, idle.vm_running })
    options.before = share
    local situation = fleet.read(options)
    local shared, card = device(situation, "ms4/" .. gpu), device(situation, fleet.A4)
    assert.are.same({
      "partitionable", "held", "ms4", "desk2", 1, 4, 8 << 30, 6 << 30, "box1", "desktop", fleet.A4,
    }, {
      shared.kind, shared.state, shared.node, shared.vm, shared.partitions, shared.most,
      shared.total_vram, shared.free_vram, shared.box, shared.labels.purpose, shared.card,
    })
    assert.are.same({ "desk2", true }, { card.vm, card.vm_running })
    assert.is_truthy(card.why:find("in shares", 1, true))
    assert.are.same({ shared.id }, vm(situation, "desk2").devices)
    assert.is_false(vm(situation, "desk2").degraded)
    options.read = {}
    assert.is_nil(device(fleet.read(options), shared.id))
  end)

  it("scales the shares' memory to what the card is declared to have", function()
    local situation = fleet.read({
      devices = { [fleet.A4] = { group_id = 350 } }, read = { partitions = true },
      edit = declare(fleet.A4, 'memory = "16GiB"'),
    })
    local shared = fleet.find(situation.devices, "kind", "partitionable")
    assert.are.same({ 16 << 30, 16 << 30 }, { shared.total_vram, shared.free_vram })
  end)

  it("counts what a board has and what it takes", function()
    local situation = fleet.read()
    local ms1, ms4 = fleet.find(situation.nodes, "name", "ms1"),
      fleet.find(situation.nodes, "name", "ms4")
    assert.are.same({ 2, 16, "on" }, { ms1.held, ms1.capacity, ms1.board_power })
    assert.are.same({ 0, 2 }, { ms4.held, ms4.capacity })
  end)

  it("lists what a node shows and no card accounts for", function()
    local situation = fleet.read({ read = { unclaimed = true } })
    local unclaimed = fleet.find(situation.nodes, "name", "ms4").unclaimed
    assert.are.equal(1, #unclaimed)
    assert.are.equal("Matrox G200eW3 (Nuvoton)", unclaimed[1].name)
  end)

  it("remarks that a board is in another group than parameters.lua says", function()
    local situation = fleet.read({
      edit = function(text)
        return (text:gsub("group_id = 350", "group_id = 360"))
      end,
    })
    assert.is_true(warned(situation, "the board of ms4 is in group 350, not in 360"))
  end)
end)
