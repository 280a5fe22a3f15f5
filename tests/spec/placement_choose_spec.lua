local placement = require("failover.placement")
local made = require("tests.spec.support.situations")

local card, node, request, vm = made.card, made.node, made.request, made.vm

local function situation(devices, vms, nodes)
  return made.situation(devices, nodes or { node("ms1"), node("ms2") }, vms or { vm("vm1") })
end

-- "a from pool, b from here"
local function chosen(choice)
  local words = {}
  for i, entry in ipairs(choice.devices) do
    words[i] = entry.device.id .. " from " .. entry.from
  end
  return table.concat(words, ", ")
end

local function choose(s, key, policy, on)
  local choice, rejection = placement.choose(s, key or "vm1", on or "ms1", policy)
  return choice and chosen(choice), rejection, choice
end

describe("choosing devices at a start", function()
  it("prefers what is here, then the pool, then an idle node, then a silent one", function()
    local nodes = { node("ms1"), node("ms2"), node("ms3", { reachable = false }) }
    local devices = {
      card("a", { node = "ms3" }), card("b", { node = "ms2" }), card("c"),
      card("d", { node = "ms1" }), card("e", { node = "ms1", vm = "vm1" }),
    }
    local expected = {
      "e from here", "d from here", "c from pool", "b from node", "a from node",
    }
    for _, text in ipairs(expected) do
      local s = situation(devices, nil, nodes)
      assert.are.equal(text, (choose(s)))
      for i, device in ipairs(devices) do
        if device.id == text:sub(1, 1) then
          table.remove(devices, i)
          break
        end
      end
    end
  end)

  it("leaves to a machine that is off what is in its settings, if it can", function()
    local nodes = { node("ms1"), node("ms2"), node("ms3", { reachable = false }) }
    local others = card("a", { node = "ms1", vm = "vm2" })
    local owner = vm("vm2", nil, { node = "ms1" })
    for _, other in ipairs({
      card("b"), card("b", { node = "ms2" }), card("b", { node = "ms3" }),
    }) do
      local found = choose(situation({ others, other }, { vm("vm1"), owner }, nodes))
      assert.matches("^b from", found)
    end
    local used = card("b", { node = "ms2", vm = "vm3", vm_running = true })
    local running = vm("vm3", nil, { running = true, node = "ms2" })
    local s = situation({ used, others },
      { vm("vm1", nil, { priority = 5 }), owner, running }, nodes)
    local found, _, choice = choose(s, "vm1", { preempt = true })
    assert.are.equal("a from here", found)
    assert.matches("in the settings of vm2, which is off$", choice.reasons[1])
  end)

  it("takes one of several that nobody can tell apart here only when no other comes", function()
    local doubtful = card("a", { node = "ms1", ambiguous = true })
    local fits = situation({ doubtful, card("b") })
    assert.are.equal("b from pool", (choose(fits)))
    assert.are.equal("a from here", (choose(situation({ doubtful }))))
    assert.are.equal("a from node", (choose(situation({ doubtful }), "vm1", nil, "ms2")))
  end)

  it("never takes what a running machine uses, and says who", function()
    local s = situation({ card("a", { node = "ms2", vm = "vm2" }) },
      { vm("vm1", nil, { priority = 9 }), vm("vm2", nil, { running = true }) })
    local found, rejection = choose(s)
    assert.is_nil(found)
    assert.are.equal("HELD_BY", rejection.code)
    assert.truthy(rejection.text:find("vm2 runs with it on ms2", 1, true))
    assert.are.equal("a", rejection.rejected[1].device.id)
  end)

  it("takes from the lowest priority below its own, where the policy allows that", function()
    local s = situation({
      card("a", { node = "ms2", vm = "vm2" }), card("b", { node = "ms2", vm = "vm3" }),
      card("c", { node = "ms2", vm = "vm4" }),
    }, {
      vm("vm1", nil, { priority = 5 }), vm("vm2", nil, { running = true, priority = 2 }),
      vm("vm3", nil, { running = true, priority = 1 }),
      vm("vm4", nil, { running = true, priority = 5 }),
    })
    local found, _, choice = choose(s, "vm1", { preempt = true })
    assert.are.equal("b from lower priority", found)
    assert.are.equal("vm3", choice.devices[1].victim)
    assert.are.equal("c from node", (choose(s, "vm4")))
  end)

  it("starts degraded before it takes anything from a running machine", function()
    local s = situation({ card("a"), card("b", { node = "ms2", vm = "vm2" }) }, {
      vm("vm1", { request({ vendor = "10de" }, { count = 2, min = 1 }) }, { priority = 5 }),
      vm("vm2", nil, { running = true }),
    })
    local found, _, choice = choose(s, "vm1", { preempt = true })
    assert.are.equal("a from pool", found)
    assert.is_true(choice.degraded)
  end)

  it("gives all or nothing", function()
    local s = situation({ card("a"), card("b") },
      { vm("vm1", { request({ vendor = "10de" }, { count = 3 }) }) })
    local found, rejection = choose(s)
    assert.is_nil(found)
    assert.are.equal("NO_DEVICE", rejection.code)
    assert.truthy(rejection.text:find("only 2 can be had on ms1", 1, true))
  end)

  it("goes through the alternatives in order, and takes all devices from the same one", function()
    local wish = request({ { labels = { size = "large" } }, { labels = { size = "small" } } },
      { count = 2 })
    local s = situation({
      card("a", { labels = { size = "large" } }), card("b", { labels = { size = "small" } }),
      card("c", { labels = { size = "small" } }),
    }, { vm("vm1", { wish }) })
    local found, _, choice = choose(s)
    assert.are.equal("b from pool, c from pool", found)
    assert.are.equal(2, choice.devices[1].alternative)
  end)

  it("does not let one request take what only another one of the machine can use", function()
    local s = situation({ card("a", { labels = { fast = "yes" } }), card("b") }, {
      vm("vm1", { request({ vendor = "10de" }), request({ labels = { fast = "yes" } }) }),
    })
    assert.are.equal("b from pool, a from pool", (choose(s)))
  end)

  it("spares what others need more", function()
    local s = situation({ card("a", { labels = { fast = "yes" } }), card("b") }, {
      vm("vm1"), vm("vm2", { request({ labels = { fast = "yes" } }) }),
    })
    assert.are.equal("b from pool", (choose(s)))
    s.vms[2].running = true -- it wants nothing any more
    assert.are.equal("a from pool", (choose(s)))
  end)

  it("takes boxes as the policy says, then the cheaper device, then the lower id", function()
    local devices = {
      card("a", { box = "1" }), card("b", { box = "2", cost = 2 }), card("c", { box = "2" }),
      card("d", { box = "1", node = "ms2", vm = "vm2" }),
    }
    local s = situation(devices, { vm("vm1"), vm("vm2", nil, { running = true }) })
    assert.are.equal("c from pool", (choose(s)))
    assert.are.equal("a from pool", (choose(s, "vm1", { policy = "consolidate" })))
    table.remove(devices, 4)
    assert.are.equal("a from pool", (choose(situation(devices, s.vms))))
  end)

  it("keeps devices of one request in one box, or all in different ones", function()
    local devices = {
      card("a", { box = "1" }), card("b", { box = "2" }), card("c", { box = "2" }), card("d"),
    }
    local function with(rule)
      return situation(devices, { vm("vm1", { request({ vendor = "10de" },
        { count = 2, [rule] = true }) }) })
    end
    assert.are.equal("b from pool, c from pool", (choose(with("same_box"))))
    assert.are.equal("a from pool, b from pool", (choose(with("different_box"))))
    devices[3].box = "3"
    local found = choose(with("same_box"))
    assert.is_nil(found)
  end)

  it("leaves a board no more devices than it takes", function()
    local nodes = { node("ms1", { capacity = 2 }), node("ms2") }
    local two = request({ vendor = "10de" }, { count = 2 })
    local s = situation({ card("a"), card("b"), card("c", { node = "ms1" }) },
      { vm("vm1", { two }) }, nodes)
    assert.are.equal("c from here, a from pool", (choose(s)))
    nodes[1].capacity = 1
    local found, rejection = choose(s)
    assert.is_nil(found)
    assert.are.equal("CAPACITY", rejection.code)
  end)

  it("keeps the last place of a board for the request that needs it", function()
    local s = situation({
      card("a", { node = "ms1" }), card("b"), card("c", { labels = { fast = "yes" } }),
    }, { vm("vm1", { request({ vendor = "10de" }), request({ labels = { fast = "yes" } }) }) },
      { node("ms1", { capacity = 2 }), node("ms2") })
    assert.are.equal("a from here, c from pool", (choose(s)))
  end)

  it("refuses a node that the machine may not run on", function()
    local s = situation({ card("a") }, { vm("vm1", nil, { nodes = { "ms2" } }) })
    local found, rejection = choose(s)
    assert.is_nil(found)
    assert.are.equal("NODE_NOT_ALLOWED", rejection.code)
    assert.are.equal("a from pool", (choose(s, "vm1", nil, "ms2")))
  end)

  it("takes a static device in quarantine, and no other in its place", function()
    local static = { vm("vm1", { request({ id = "a" }) }) }
    assert.are.equal("a from pool",
      (choose(situation({ card("a", { state = "quarantined" }), card("b") }, static))))
    local found, rejection = choose(situation({ card("a", { state = "missing" }), card("b") },
      static))
    assert.is_nil(found)
    assert.are.equal("MISSING", rejection.code)
  end)

  it("takes a share of a GPU of the node itself", function()
    local s = situation({ made.shared("ms1", "g"), made.shared("ms2", "g") },
      { vm("vm1", { request({ partition = { vram = 1024 } }) }) })
    assert.are.equal("ms1/g from here", (choose(s)))
    assert.are.equal("ms2/g from here", (choose(s, "vm1", nil, "ms2")))
  end)

  it("gives the same answer in whatever order the devices are listed", function()
    local devices = { card("c"), card("a"), card("b") }
    local s = { devices = devices, nodes = { node("ms1") }, vms = { vm("vm1") } }
    assert.are.equal("a from pool", (choose(s)))
  end)
end)
