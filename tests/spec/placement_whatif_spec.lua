local placement = require("failover.placement")
local made = require("tests.spec.support.situations")
local oracle = require("tests.spec.support.oracle")

local card, node, request, vm = made.card, made.node, made.request, made.vm

-- Two machines at work on ms1 and ms2, one card free; in two boxes.
local function small(fields)
  return made.situation({
    card("a", { box = "b1", node = "ms1", vm = "vm1" }),
    card("b", { box = "b1", node = "ms2", vm = "vm2" }),
    card("c", { box = "b2" }),
  }, { node("ms1"), node("ms2") }, {
    vm("vm1", nil, { running = true, node = "ms1", priority = fields and fields.priority or 0 }),
    vm("vm2", nil, { running = true, node = "ms2" }), vm("vm3"),
  })
end

local function keys(list)
  local names = {}
  for i, entry in ipairs(list) do
    names[i] = entry.vm
  end
  return names
end

-- The situation after failures, written out by hand for the oracle: what is hit does not run, what
-- is gone is missing, and nobody else wants to start.
local function after(s, failures)
  local gone_nodes, gone, hit = {}, {}, {}
  for _, failure in ipairs(failures) do
    for _, device in ipairs(s.devices) do
      if failure.kind == "device" and device.id == failure.name
        or failure.kind == "box" and device.box == failure.name
        or failure.kind == "node" and device.kind == "partitionable"
          and device.node == failure.name then
        gone[device] = true
      end
    end
    if failure.kind == "node" then
      gone_nodes[failure.name] = true
    end
  end
  local devices, nodes, vms = {}, {}, {}
  for i, device in ipairs(s.devices) do
    -- what has no link while its node lives is broken, and stays so when the node dies
    devices[i] = setmetatable({ power = device.link == "down" and device.node
      and oracle.answers(s, device.node) and "off" or device.power }, { __index = device })
    if gone[device] then
      devices[i] = {
        id = device.id, kind = device.kind, state = "missing", labels = device.labels,
        box = device.box, vendor = device.vendor, device = device.device, class = device.class,
      }
      hit[device.vm or ""] = true
    end
  end
  for i, one in ipairs(s.nodes) do
    nodes[i] = setmetatable({ reachable = one.reachable and not gone_nodes[one.name] },
      { __index = one })
  end
  local affected, stays = 0, {}
  for _, one in ipairs(s.vms) do
    if one.running and (hit[one.key] or gone_nodes[one.node]) then
      affected = affected + 1
      vms[#vms + 1] = setmetatable({ running = false }, { __index = one })
    else
      stays[one.key] = true
      vms[#vms + 1] = one
    end
  end
  return { devices = devices, nodes = nodes, vms = vms }, stays, affected
end

local function random_failures(roll, s)
  local list = {}
  for _ = 1, roll(1, 2) do
    local kind = roll(1, 3)
    list[#list + 1] = kind == 1 and { kind = "node", name = s.nodes[roll(1, #s.nodes)].name }
      or kind == 2 and { kind = "box", name = "box1" }
      or { kind = "device", name = s.devices[roll(1, #s.devices)].id }
  end
  for _, device in ipairs(s.devices) do
    if device.box == "box1" then
      return list
    end
  end
  return { { kind = "node", name = s.nodes[1].name } }
end

describe("what if", function()
  it("a node dies: its machine comes back on another one, with a free card", function()
    local result = placement.whatif(small(), { { kind = "node", name = "ms1" } })
    assert.is_true(result.survives)
    assert.are.same({ "c", "pool" },
      { result.moved[1].devices[1].device.id, result.moved[1].devices[1].from })
  end)

  it("a node dies and nothing is free: its machine comes back with its own card", function()
    local s = small()
    table.remove(s.devices)
    local result = placement.whatif(s, { { kind = "node", name = "ms1" } })
    assert.is_true(result.survives)
    assert.are.equal(1, result.affected)
    assert.are.equal(1, #result.moved)
    local moved = result.moved[1]
    assert.are.same({ "vm1", "ms1", "ms2" }, { moved.vm, moved.from, moved.to })
    assert.are.same({ "a", "node" }, { moved.devices[1].device.id, moved.devices[1].from })
    assert.is_true(result.optimal)
  end)

  it("a card fails: its machine takes a free one, where it is", function()
    local result = placement.whatif(small(), { { kind = "device", name = "a" } })
    assert.are.same({ "ms1", "c" },
      { result.moved[1].to, result.moved[1].devices[1].device.id })
    assert.is_true(result.survives)
  end)

  it("a box fails: the higher priority gets what is left, the other one stays down", function()
    local result = placement.whatif(small({ priority = 1 }), { { kind = "box", name = "b1" } })
    assert.is_false(result.survives)
    assert.are.equal(2, result.affected)
    assert.are.same({ "vm2" }, keys(result.lost))
    assert.are.same({ "vm1" }, keys(result.moved))
    assert.is_true(#result.lost[1].text > 0)
  end)

  it("several things fail at once", function()
    local result = placement.whatif(small(), {
      { kind = "device", name = "c" }, { kind = "device", name = "b" },
    })
    assert.are.same({ "vm2" }, keys(result.lost))
    result = placement.whatif(small(), {
      { kind = "node", name = "ms1" }, { kind = "node", name = "ms2" },
    })
    assert.are.same({ "vm1", "vm2" }, keys(result.lost))
    assert.are.equal("UNREACHABLE", result.lost[1].code)
  end)

  it("a free card fails: nobody notices", function()
    local result = placement.whatif(small(), { { kind = "device", name = "c" } })
    assert.are.same({ 0, true, 0 }, { result.affected, result.survives, #result.moved })
  end)

  it("takes from a lower priority only where the policy says so, and counts who loses", function()
    local s = small({ priority = 1 })
    table.remove(s.devices) -- no card is free
    local failed = { { kind = "device", name = "a" } }
    assert.are.same({ "vm1" }, keys(placement.whatif(s, failed).lost))
    local result = placement.whatif(s, failed, { preempt = true })
    assert.are.same({ "vm2" }, keys(result.lost))
    assert.is_false(result.lost[1].hit)
    assert.are.equal("lower priority", result.moved[1].devices[1].from)
  end)

  it("a machine that nobody named in parameters.lua keeps its card", function()
    local s = small()
    s.devices[3].state, s.devices[3].node, s.devices[3].link = "held", "ms2", "up"
    s.devices[3].vm, s.devices[3].vm_running = "legacy", true
    local result = placement.whatif(s, { { kind = "device", name = "a" } })
    assert.are.same({ "vm1" }, keys(result.lost))
  end)

  it("one of two cards that nothing tells apart: one of their machines is hit, not none", function()
    local function twins(free)
      local s = made.situation({
        card("a", { node = "ms1" }), card("b", { node = "ms1" }), card("c"),
      }, { node("ms1") }, {
        vm("vm1", nil, { running = true, node = "ms1", unresolved = 1 }),
        vm("vm2", nil, { running = true, node = "ms1", unresolved = 1 }),
      })
      for i = 1, 2 do
        s.devices[i].users, s.devices[i].vm_running = { "vm1", "vm2" }, true
      end
      s.devices[3] = free and s.devices[3] or nil
      return s
    end
    local failed = { { kind = "device", name = "a" } }
    local result = placement.whatif(twins(true), failed)
    assert.are.same({ 1, true }, { result.affected, result.survives })
    result = placement.whatif(twins(false), failed)
    assert.are.same({ 1, 1 }, { result.affected, #result.lost })
    assert.are.equal(1, placement.weakest(twins(true)).devices.at_most)
  end)

  it("something that does not exist fails: an error of the caller", function()
    for _, failure in ipairs({ { kind = "node", name = "x" }, { kind = "meteor", name = "a" } }) do
      assert.has_error(function()
        placement.whatif(small(), { failure })
      end)
    end
  end)

  it("brings back as many as the best of all plans", function()
    local lost, unproven = 0, 0
    for seed = 1, 250 do
      local roll = made.dice(seed)
      local s = made.random(seed, {
        devices = roll(3, 7), nodes = roll(2, 3), vms = roll(3, 6), shares = roll(0, 1),
        single = roll(1, 2) == 1, models = 1, priorities = roll(0, 2), running = 90,
        capacity = roll(2, 4),
      })
      local failures = random_failures(roll, s)
      local result = placement.whatif(s, failures)
      local world, stays, affected = after(s, failures)
      assert.are.equal(affected, result.affected, "seed " .. seed)
      local vector = oracle.best(world, stays)
      local best, got = 0, 0
      for i = 1, #vector, 2 do
        best, got = best + vector[i], got + (result.counts[i] or 0)
      end
      assert.is_true(result.optimal, "seed " .. seed)
      assert.are.equal(best, got, "seed " .. seed)
      assert.are.equal(affected - best, #result.lost, "seed " .. seed)
      lost = lost + #result.lost
      unproven = unproven + (result.optimal and 0 or 1)
    end
    assert.is_true(lost > 40)
  end)
end)

describe("the weakest point", function()
  it("is the failure that costs most, then the one that costs the highest priority", function()
    local found = placement.weakest(small())
    assert.are.same({ "box", "b1", 1 },
      { found.failures[1].kind, found.failures[1].name, #found.failures[1].lost })
    assert.are.equal(2 + 2 + 3, #found.failures)
    assert.are.equal(2, found.running)
    for i = 2, #found.failures do
      assert.are.equal(0, #found.failures[i].lost)
    end
  end)

  it("answers for each failure what the single question answers", function()
    for seed = 1, 40 do
      local s = made.random(seed, {
        devices = 12, nodes = 4, vms = 14, shares = 2, models = 2, running = 90, capacity = 6,
        boxes = 4,
      })
      local before = require("json").encode(s)
      for _, failure in ipairs(placement.weakest(s).failures) do
        local single = placement.whatif(s, { failure })
        assert.are.equal(single.affected, failure.affected)
        if failure.proven then
          assert.are.equal(#single.lost, #failure.lost, seed .. failure.kind .. failure.name)
        end
      end
      assert.are.equal(before, require("json").encode(s))
    end
  end)

  -- The smallest number of devices whose failure leaves a machine down, by trying all sets.
  local function breaking(s)
    local ids = {}
    for _, device in ipairs(s.devices) do
      if device.state ~= "missing" then
        ids[#ids + 1] = device.id
      end
    end
    for size = 1, #ids do
      local set = {}
      local function from(i)
        if #set == size then
          return not placement.whatif(s, set).survives
        end
        for j = i, #ids do
          set[#set + 1] = { kind = "device", name = ids[j] }
          if from(j + 1) then
            return true
          end
          set[#set] = nil
        end
        return false
      end
      if from(1) then
        return size
      end
    end
  end

  it("counts exactly how many single cards may fail", function()
    local some = {}
    for seed = 1, 60 do
      local s = made.random(seed, {
        devices = 6, nodes = 2, vms = 4, models = 1, single = true, running = 95, capacity = 6,
      })
      for _, one in ipairs(s.nodes) do
        one.reachable, one.drained = true, false
      end
      for _, one in ipairs(s.vms) do
        one.nodes = nil
      end
      local found = placement.weakest(s).devices
      if found then
        assert.is_true(found.exact)
        assert.are.equal(breaking(s) - 1, found.at_most, "seed " .. seed)
        assert.are.equal(found.at_most, found.at_least)
        some[found.at_most] = true
      end
    end
    assert.is_true(some[0] and some[1] and some[2])
  end)

  it("gives bounds that hold where the number is not exact", function()
    for seed = 1, 40 do
      local s = made.random(seed, {
        devices = 6, nodes = 2, vms = 4, models = 1, running = 95, capacity = 6,
      })
      -- one machine with two cards
      local first, second = s.devices[1], s.devices[2]
      for _, device in ipairs({ first, second }) do
        device.state, device.node, device.vm, device.link = "held", "ms001", "twin", "up"
      end
      for i = #s.vms, 1, -1 do
        for _, id in ipairs(s.vms[i].devices) do
          if id == first.id or id == second.id then
            s.vms[i].running = false
          end
        end
      end
      s.vms[#s.vms + 1] = vm("twin", { request({ vendor = first.vendor }, { count = 2, min = 1 }) },
        { running = true, node = "ms001" })
      s = made.situation(s.devices, s.nodes, s.vms)
      local found = placement.weakest(s).devices
      local truth = breaking(s) - 1
      assert.is_true(found.at_least <= truth and truth <= found.at_most, "seed " .. seed)
    end
  end)

  it("is nowhere when nothing runs", function()
    local s = small()
    s.vms[1].running, s.vms[2].running = false, false
    local found = placement.weakest(s)
    assert.are.equal(0, found.running)
    assert.is_nil(found.devices)
  end)
end)

describe("a situation as planned", function()
  it("has every machine of the plan running with its devices, and nobody else", function()
    for seed = 1, 30 do
      local s = made.random(seed, { devices = 10, nodes = 3, vms = 8, shares = 2, models = 1 })
      local plan = placement.plan(s)
      local planned = placement.as_planned(s, plan)
      local again = placement.plan(planned)
      for _, one in ipairs(planned.vms) do
        local entry = plan.placed[one.key]
        assert.are.equal(entry ~= nil, one.running or false)
        if entry then
          assert.is_true(again.placed[one.key].stays)
          assert.are.equal(#entry.devices, #one.devices)
        end
      end
    end
  end)
end)
