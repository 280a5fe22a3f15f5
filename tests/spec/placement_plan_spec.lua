local placement = require("failover.placement")
local made = require("tests.spec.support.situations")
local oracle = require("tests.spec.support.oracle")

local card, node, request, vm = made.card, made.node, made.request, made.vm

local function situation(devices, nodes, vms)
  return made.situation(devices, nodes, vms)
end

local function cards(count, fields)
  local list = {}
  for i = 1, count do
    list[i] = card(("c%02d"):format(i), fields)
  end
  return list
end

local function count(map)
  local n = 0
  for _ in pairs(map) do
    n = n + 1
  end
  return n
end

-- Devices of the plan by node.
local function use_of(plan)
  local used = {}
  for _, entry in pairs(plan.placed) do
    used[entry.node] = (used[entry.node] or 0) + #entry.devices
  end
  return used
end

local function random_question(seed)
  local roll = made.dice(seed)
  local s = made.random(seed, {
    devices = roll(3, 7), nodes = roll(1, 3), vms = roll(3, 6), shares = roll(0, 2),
    single = roll(1, 2) == 1, models = roll(1, 3), priorities = roll(0, 2),
  })
  local leave = roll(1, 4) == 1 and { [s.nodes[1].name] = true } or nil
  return s, { leave = leave, policy = roll(1, 2) == 1 and "spread" or "consolidate" }
end

describe("a plan", function()
  it("of a few machines is the best of all plans, and keeps every rule", function()
    local proofs = {}
    for seed = 1, 350 do
      local s, options = random_question(seed)
      local stays = oracle.stays(s, options.leave)
      local plan = placement.plan(s, options)
      local ok, vector = pcall(oracle.check, s, plan, stays, options.leave)
      assert(ok, ("seed %d: %s"):format(seed, vector))
      assert(plan.optimal, ("seed %d: %s"):format(seed, plan.why_not_optimal))
      assert.are.same(oracle.best(s, stays, options.leave), vector, "seed " .. seed)
      proofs[plan.proof] = true
    end
    assert.are.equal(5, count(proofs)) -- every kind of proof was needed
  end)

  it("never says optimal of less than the best, where it may not try everything", function()
    local unproven = 0
    for seed = 1, 250 do
      local s, options = random_question(seed)
      options.exact = false
      local stays = oracle.stays(s, options.leave)
      local plan = placement.plan(s, options)
      local vector = oracle.check(s, plan, stays, options.leave)
      if plan.optimal then
        assert.are.same(oracle.best(s, stays, options.leave), vector, "seed " .. seed)
      else
        assert.is_string(plan.why_not_optimal)
        unproven = unproven + 1
      end
    end
    assert.is_true(unproven > 0)
  end)

  it("of large situations keeps every rule", function()
    for seed = 1, 6 do
      local roll = made.dice(seed)
      local s = made.random(seed, {
        devices = 150, nodes = 12, vms = 150, shares = 10, single = seed % 2 == 0, boxes = 20,
        capacity = roll(8, 16), running = 40, priorities = 4,
      })
      local leave = seed % 3 == 0 and { [s.nodes[1].name] = true } or nil
      local plan = placement.plan(s, { leave = leave })
      oracle.check(s, plan, oracle.stays(s, leave), leave)
    end
  end)

  it("of 1,000 machines and devices on 64 nodes gives nothing twice, and is even", function()
    local s = made.site(7, 1000, { nodes = 64 })
    collectgarbage()
    local before = collectgarbage("count")
    local plan = placement.plan(s)
    assert.is_true(collectgarbage("count") - before < 200 * 1024)
    local vector = oracle.check(s, plan, {})
    local placed = 0
    for i = 1, #vector, 2 do
      placed = placed + vector[i]
    end
    assert.are.equal(1000, placed)
    local least, most, used = math.huge, 0, use_of(plan)
    for _, entry in ipairs(s.nodes) do
      least, most = math.min(least, used[entry.name]), math.max(most, used[entry.name])
    end
    assert.are.same({ 15, 16 }, { least, most })
  end)

  it("is proven optimal for single cards, whatever the number, unless nodes restrict it", function()
    for seed = 1, 5 do
      local s = made.site(seed, 200)
      for i, device in ipairs(s.devices) do
        device.state = i % 3 == 0 and "missing" or "free"
      end
      local plan = placement.plan(s)
      assert.is_true(plan.optimal)
      assert.is_true(count(plan.unplaced) > 50)
    end
  end)

  it("gives the higher priority what only one can have, and moves others on for it", function()
    local fast = request({ labels = { fast = "yes" } })
    local s = situation({ card("a", { labels = { fast = "yes" } }), card("b") }, { node("ms1") }, {
      vm("vm1", nil, { priority = 9 }), vm("vm2", { fast }), vm("vm3"),
    })
    local plan = placement.plan(s)
    assert.are.equal("b", plan.placed.vm1.devices[1].device.id)
    assert.are.equal("a", plan.placed.vm2.devices[1].device.id)
    assert.are.equal("TAKEN", plan.unplaced.vm3.code)
    assert.truthy(plan.unplaced.vm3.text:find("2 given to machines that come first", 1, true))
    assert.is_true(plan.optimal)
  end)

  it("leaves running machines where they are, and what they have with them", function()
    local s = situation({ card("a", { node = "ms1", vm = "vm1" }), card("b") },
      { node("ms1"), node("ms2") }, { vm("vm1", nil, { running = true, node = "ms1" }),
        vm("vm2", nil, { priority = 5 }) })
    local plan = placement.plan(s)
    assert.is_true(plan.placed.vm1.stays)
    assert.are.equal("ms1", plan.placed.vm1.node)
    assert.are.equal("b", plan.placed.vm2.devices[1].device.id)
    assert.are.equal("ms2", plan.placed.vm2.node)
    assert.are.same({ { kind = "device", device = s.devices[2], vm = "vm2", to = "ms2" } },
      plan.moves)
  end)

  it("prefers the node on which a machine has its device already", function()
    local s = situation({ card("a", { node = "ms2", vm = "vm1" }), card("b") },
      { node("ms1"), node("ms2") }, { vm("vm1", nil, { node = "ms2" }) })
    local plan = placement.plan(s)
    assert.are.equal("ms2", plan.placed.vm1.node)
    assert.are.equal("a", plan.placed.vm1.devices[1].device.id)
    assert.are.equal("here", plan.placed.vm1.devices[1].from)
    assert.are.same({}, plan.moves)
  end)

  it("moves the machines of a node that is left, with their own devices, and loses none", function()
    local devices = cards(4, { node = "ms1" })
    local vms = {}
    for i, device in ipairs(devices) do
      device.vm = "vm" .. i
      vms[i] = vm(device.vm, nil, { running = true, node = "ms1" })
    end
    devices[5] = card("z")
    vms[5] = vm("vm5", nil, { priority = 9 })
    vms[6] = vm("vm6", nil, { priority = 9 })
    local s = situation(devices, { node("ms1"), node("ms2"), node("ms3") }, vms)
    local plan = placement.plan(s, { leave = { ms1 = true } })
    for i = 1, 4 do
      assert.are.equal(devices[i], plan.placed["vm" .. i].devices[1].device)
      assert.are_not.equal("ms1", plan.placed["vm" .. i].node)
    end
    assert.are.equal(1, count(plan.unplaced))
    local moved = {}
    for _, move in ipairs(plan.moves) do
      moved[move.kind] = (moved[move.kind] or 0) + 1
    end
    assert.are.same({ vm = 4, device = 5 }, moved)
  end)

  it("spreads within one device of evenness over the nodes that may be used", function()
    for seed = 1, 20 do
      local roll = made.dice(seed)
      local nodes, vms = {}, {}
      for i = 1, roll(2, 6) do
        nodes[i] = node("ms" .. i, { capacity = 40 })
      end
      for i = 1, roll(5, 30) do
        vms[i] = vm(("vm%02d"):format(i))
      end
      local plan = placement.plan(situation(cards(#vms), nodes, vms))
      local used, least, most = use_of(plan), math.huge, 0
      for _, entry in ipairs(nodes) do
        least = math.min(least, used[entry.name] or 0)
        most = math.max(most, used[entry.name] or 0)
      end
      assert.is_true(most - least <= 1, "seed " .. seed)
    end
  end)

  it("spreads as far as restrictions let it, by chains of machines that may move on", function()
    -- vm1..vm4 may run everywhere, the rest on ms1 alone: they leave ms1 to those.
    local vms = {}
    for i = 1, 8 do
      vms[i] = vm("vm" .. i, nil, { nodes = i > 4 and { "ms1" } or i > 2 and { "ms1", "ms2" }
        or { "ms2", "ms3" } })
    end
    local plan = placement.plan(situation(cards(8), { node("ms1"), node("ms2"), node("ms3") }, vms))
    assert.are.same({ ms1 = 4, ms2 = 2, ms3 = 2 }, use_of(plan))
  end)

  it("spreads as evenly as the best of all plans, whatever nodes machines may run on", function()
    -- The smallest possible number of devices on the fullest node.
    local function flattest(vms, nodes)
      local used, best = {}, math.huge
      local function from(i, most)
        if most >= best then
          return
        elseif i > #vms then
          best = most
          return
        end
        for _, one in ipairs(nodes) do
          local allowed = not vms[i].nodes
          for _, name in ipairs(vms[i].nodes or {}) do
            allowed = allowed or name == one.name
          end
          if allowed then
            used[one.name] = (used[one.name] or 0) + 1
            from(i + 1, math.max(most, used[one.name]))
            used[one.name] = used[one.name] - 1
          end
        end
      end
      from(1, 0)
      return best
    end
    for seed = 1, 80 do
      local roll = made.dice(seed)
      local nodes, vms = {}, {}
      for i = 1, roll(2, 4) do
        nodes[i] = node("ms" .. i)
      end
      for i = 1, roll(3, 7) do
        local names = {}
        for _, one in ipairs(nodes) do
          names[#names + 1] = roll(1, 2) == 1 and one.name or nil
        end
        vms[i] = vm("vm" .. i, nil, { nodes = #names > 0 and names or nil })
      end
      local most = 0
      for _, used in pairs(use_of(placement.plan(situation(cards(#vms), nodes, vms)))) do
        most = math.max(most, used)
      end
      assert.are.equal(flattest(vms, nodes), most, "seed " .. seed)
    end
  end)

  it("makes room on a full board by moving on those that may run elsewhere", function()
    local vms = {}
    for i = 1, 20 do
      vms[i] = vm(("vm%02d"):format(i), nil, { nodes = i > 10 and { "ms1" } or nil })
    end
    local plan = placement.plan(situation(cards(20), { node("ms1", { capacity = 10 }),
      node("ms2", { capacity = 10 }) }, vms))
    assert.are.equal(20, count(plan.placed))
  end)

  it("consolidates on as few nodes as have room", function()
    local vms = {}
    for i = 1, 6 do
      vms[i] = vm("vm" .. i)
    end
    local nodes = { node("ms1", { capacity = 4 }), node("ms2", { capacity = 4 }), node("ms3") }
    local plan = placement.plan(situation(cards(6), nodes, vms), { policy = "consolidate" })
    assert.are.same({ ms1 = 4, ms2 = 2 }, use_of(plan))
  end)

  it("spreads over boxes and consolidates in them", function()
    local devices = {}
    for i = 1, 8 do
      devices[i] = card("c" .. i, { box = i <= 4 and "b1" or "b2" })
    end
    local vms = { vm("vm1"), vm("vm2"), vm("vm3"), vm("vm4") }
    local function boxes(policy)
      local used = {}
      local plan = placement.plan(situation(devices, { node("ms1") }, vms), { policy = policy })
      for _, entry in pairs(plan.placed) do
        local box = entry.devices[1].device.box
        used[box] = (used[box] or 0) + 1
      end
      return used
    end
    assert.are.same({ b1 = 2, b2 = 2 }, boxes("spread"))
    assert.are.same({ b1 = 4 }, boxes("consolidate"))
  end)

  it("starts some degraded so that all of a priority start, but none for a lower one", function()
    local two = request({ vendor = "10de" }, { count = 2, min = 1 })
    local s = situation(cards(3), { node("ms1") }, { vm("vm1", { two }), vm("vm2", { two }) })
    local plan = placement.plan(s)
    assert.are.equal(3, #plan.placed.vm1.devices + #plan.placed.vm2.devices)
    s.vms[1].priority, s.vms[2].priority = 5, 1
    plan = placement.plan(s)
    assert.is_false(plan.placed.vm1.degraded)
    assert.is_true(plan.placed.vm2.degraded)
    table.remove(s.devices)
    plan = placement.plan(s)
    assert.are.equal(2, #plan.placed.vm1.devices)
    assert.are.equal("TAKEN", plan.unplaced.vm2.code)
  end)

  it("takes devices from running machines of a lower priority only where that is wanted", function()
    local s = situation({ card("a", { node = "ms1", vm = "vm1" }) }, { node("ms1"), node("ms2") },
      { vm("vm1", nil, { running = true, node = "ms1" }), vm("vm2", nil, { priority = 1 }) })
    assert.are.equal("HELD_BY", placement.plan(s).unplaced.vm2.code)
    local plan = placement.plan(s, { preempt = true })
    assert.are.equal("lower priority", plan.placed.vm2.devices[1].from)
    assert.are.equal("vm1", plan.placed.vm2.devices[1].victim)
    assert.are.equal("TAKEN", plan.unplaced.vm1.code)
    s.vms[2].priority = 0
    assert.are.equal("HELD_BY", placement.plan(s, { preempt = true }).unplaced.vm2.code)
  end)

  it("lets only a higher priority take from running machines, and breaks no rule", function()
    local taken = 0
    for seed = 1, 100 do
      local roll = made.dice(seed)
      local s = made.random(seed, {
        devices = roll(4, 12), nodes = roll(1, 4), vms = roll(4, 14), models = 1, running = 60,
        priorities = 3, capacity = 12, single = seed % 2 == 0,
      })
      local plan = placement.plan(s, { preempt = true })
      local highest, stays, priority = -1, {}, {}
      for _, one in ipairs(s.vms) do
        priority[one.key] = one.priority
        highest = one.running and highest or math.max(highest, one.priority)
        stays[one.key] = plan.placed[one.key] and plan.placed[one.key].stays or nil
      end
      oracle.check(s, plan, stays)
      for _, one in ipairs(s.vms) do
        if one.running and one.priority >= highest then
          assert.is_true(stays[one.key], "seed " .. seed)
        end
      end
      for key, entry in pairs(plan.placed) do
        for _, chosen in ipairs(entry.devices) do
          if chosen.victim then
            assert.is_true(priority[key] > priority[chosen.victim]
              or plan.placed[chosen.victim] ~= nil, "seed " .. seed)
            taken = taken + 1
          end
        end
      end
    end
    assert.is_true(taken > 20)
  end)

  it("says which idle device has to make room on a full board", function()
    local s = situation({ card("a", { node = "ms1", labels = { old = "yes" } }), card("b") },
      { node("ms1", { capacity = 1 }) },
      { vm("vm1", { request({ id = "b" }) }) })
    local plan = placement.plan(s)
    assert.are.equal("ms1", plan.placed.vm1.node)
    assert.are.same({ "device", "release" }, { plan.moves[1].kind, plan.moves[2].kind })
    assert.are.equal("a", plan.moves[2].device.id)
  end)

  it("says why nothing is placed: no such device, no room, no node", function()
    local s = situation({ card("a") }, { node("ms1", { capacity = 0 }),
      node("ms2", { reachable = false }), node("ms3", { drained = true }) }, {
      vm("vm1"), vm("vm2", { request({ vendor = "1002" }) }),
      vm("vm3", nil, { nodes = { "ms2" } }), vm("vm4", nil, { nodes = { "ms3" } }),
      vm("vm5", nil, { nodes = { "ms2", "ms3" } }), vm("vm6", nil, { nodes = { "nowhere" } }),
    })
    local plan, codes = placement.plan(s), {}
    for key, entry in pairs(plan.unplaced) do
      codes[key] = entry.code
      assert.is_true(#entry.text > 0)
    end
    assert.are.same({
      vm1 = "CAPACITY", vm2 = "NO_DEVICE", vm3 = "UNREACHABLE", vm4 = "DRAINED", vm5 = "NO_NODE",
      vm6 = "NODE_NOT_ALLOWED",
    }, codes)
  end)

  it("fills shared GPUs by memory and number of partitions", function()
    local GIB = 1024 * 1024 * 1024
    local vms = {}
    for i = 1, 6 do
      vms[i] = vm("vm" .. i, { request({ partition = { vram = 4 * GIB } }) })
    end
    local s = situation({ made.shared("ms1", "g", { free_vram = 8 * GIB }),
      made.shared("ms2", "g", { most = 2 }) }, { node("ms1"), node("ms2") }, vms)
    local plan = placement.plan(s)
    assert.are.same({ ms1 = 2, ms2 = 2 }, use_of(plan))
    assert.are.equal(2, count(plan.unplaced))
    assert.is_true(plan.optimal)
    assert.are.equal("VRAM_SHORT", select(2, next(plan.unplaced)).code)
  end)

  it("changes nothing in the situation, and answers the same again", function()
    local s = made.random(77, { devices = 30, nodes = 4, vms = 30, capacity = 8 })
    local json = require("json")
    local before = json.encode(s)
    local first = json.encode(placement.plan(s).counts)
    local plan = placement.plan(s)
    assert.are.equal(first, json.encode(plan.counts))
    assert.are.equal(before, json.encode(s))
    for key, entry in pairs(placement.plan(s).placed) do
      assert.are.equal(entry.node, plan.placed[key].node)
      for i, chosen in ipairs(entry.devices) do
        assert.are.equal(chosen.device, plan.placed[key].devices[i].device)
      end
    end
  end)
end)
