local placement = require("failover.placement")
local made = require("tests.spec.support.situations")

local GIB = 1024 * 1024 * 1024

local function code_of(criteria, device, about)
  local objection = placement.judge(criteria, device, about)
  if objection then
    assert.is_true(#objection.text > 0)
    assert.is_table(placement.reasons.find(objection.code))
  end
  return objection and objection.code
end

local function about(fields)
  local nodes = { made.node("ms1"), made.node("ms2") }
  local result = { vm = made.vm("vm1"), node = nodes[1] }
  result.situation = made.situation({}, nodes, { result.vm })
  for key, value in pairs(fields or {}) do
    result[key] = value
  end
  return result
end

describe("judging a device", function()
  it("lets through what fits in everything that is asked for", function()
    assert.is_nil(code_of({
      vendor = "10DE", device = "1f08", class = "03", labels = { purpose = "training" },
      model = "rtx 2060", min_memory = 8 * GIB,
    }, made.card("a", {
      labels = { purpose = "training", rack = "7" }, model = "NVIDIA GeForce RTX 2060",
      memory = 8 * GIB,
    }), about()))
  end)

  local what_it_is = {
    { "ID_MISMATCH", { id = "b" } },
    { "NOT_PARTITIONABLE", { partition = { vram = GIB } } },
    { "VENDOR_MISMATCH", { vendor = "1002" } },
    { "DEVICE_MISMATCH", { vendor = "10de", device = "1db6" } },
    { "CLASS_MISMATCH", { class = "0302" } },
    { "LABEL_MISMATCH", { labels = { purpose = "training" } } },
    { "LABEL_MISMATCH", { labels = { size = "small" } }, { labels = { size = "large" } } },
    { "MODEL_MISMATCH", { model = "A100" } },
    { "MODEL_MISMATCH", { model = "A100" }, { model = "Tesla V100" } },
    { "MEMORY_UNKNOWN", { min_memory = GIB } },
    { "MEMORY_TOO_SMALL", { min_memory = 2 * GIB }, { memory = GIB } },
  }
  for _, row in ipairs(what_it_is) do
    it(("says %s for %s"):format(row[1], next(row[2])), function()
      assert.are.equal(row[1], code_of(row[2], made.card("a", row[3]), about()))
    end)
  end

  it("never takes a whole GPU that is given in shares", function()
    assert.are.equal("SHARED_ONLY", code_of({ vendor = "10de" }, made.shared("ms1", "gpu0"),
      about()))
  end)

  it("takes the class of a bridge as no word about the card behind it", function()
    local behind = { class = "060400", bridge = true }
    assert.is_nil(code_of({ class = "03" }, made.card("a", behind), about()))
  end)

  it("does not promise a card that nothing describes", function()
    local bare = made.card("a")
    bare.vendor, bare.device, bare.identity = nil, nil, "unknown"
    assert.are.equal("IDENTITY_UNKNOWN", code_of({ labels = {} }, bare, about()))
    assert.are.equal("IDENTITY_UNKNOWN", code_of({ id = "a" }, bare, about()))
    assert.is_nil(code_of({ id = "a", vendor = "10de", device = "1f08" }, bare, about()))
  end)

  local what_it_does = {
    { "MISSING", { state = "missing" } },
    { "FOREIGN", { state = "foreign", group_id = 77 } },
    { "QUARANTINED", { state = "quarantined" } },
    { "QUARANTINED", { node = "ms1", quarantine = {} } },
    { "UNREACHABLE", { reachable = false } },
    { "POWER_OFF", { power = "off" } },
    { "LINK_DOWN", { node = "ms2", state = "held", link = "down" } },
    { "HELD_BY", { node = "ms2", vm = "vm2", vm_running = true } },
    { "HELD_BY", { node = "ms2", vm_running = true } },
  }
  for _, row in ipairs(what_it_does) do
    it(("says %s for a device in such a state"):format(row[1]), function()
      assert.are.equal(row[1], code_of({ vendor = "10de" }, made.card("a", row[2]), about()))
    end)
  end

  it("takes what its own machine holds, and what an idle node holds", function()
    local wanted = { vendor = "10de" }
    assert.is_nil(code_of(wanted, made.card("a", { node = "ms2", vm = "vm1", vm_running = true }),
      about()))
    assert.is_nil(code_of(wanted, made.card("a", { node = "ms2", vm = "vm2" }), about()))
    assert.is_nil(code_of(wanted, made.card("a", { node = "ms2" }), about()))
  end)

  it("expects no link of a device whose node is dead", function()
    local dead = about()
    dead.situation.nodes[2].reachable = false
    assert.is_nil(code_of({ vendor = "10de" },
      made.card("a", { node = "ms2", state = "held", link = "down" }), dead))
  end)

  it("takes a device by id in spite of quarantine, and waits for power only when it is used",
    function()
      local wanted = { id = "a" }
      assert.is_nil(code_of(wanted, made.card("a", { state = "quarantined" }), about()))
      local dark = made.card("a", { power = "off" })
      assert.are.equal("POWER_OFF", code_of(wanted, dark, about()))
      assert.is_nil(code_of(wanted, dark, about({ for_use = true })))
      assert.are.equal("MISSING",
        code_of(wanted, made.card("a", { state = "missing" }), about({ for_use = true })))
    end)

  it("counts the devices of a board, except those that are there already", function()
    local full = about()
    full.node.capacity, full.node.held = 2, 2
    assert.are.equal("CAPACITY", code_of({ vendor = "10de" }, made.card("a"), full))
    assert.is_nil(code_of({ vendor = "10de" }, made.card("a", { node = "ms1" }), full))
  end)

  it("knows high MMIO space only where the card tells its need", function()
    local small = about()
    small.vm.mmio_high = 4 * GIB
    assert.is_nil(code_of({ vendor = "10de" }, made.card("a", { memory = 8 * GIB }), small))
    assert.are.equal("MMIO_TOO_SMALL",
      code_of({ vendor = "10de" }, made.card("a", { mmio = 8 * GIB }), small))
  end)

  it("finds a share only on the node of the GPU, with memory and a partition left", function()
    local wanted = { partition = { vram = 4 * GIB } }
    assert.is_nil(code_of(wanted, made.shared("ms1", "g"), about()))
    assert.are.equal("OTHER_NODE", code_of(wanted, made.shared("ms2", "g"), about()))
    assert.are.equal("VRAM_SHORT",
      code_of(wanted, made.shared("ms1", "g", { free_vram = GIB }), about()))
    assert.are.equal("VRAM_SHORT",
      code_of(wanted, made.shared("ms1", "g", { partitions = 8 }), about()))
  end)

  it("has one meaning for each code", function()
    local seen = {}
    for _, entry in ipairs(placement.reasons.list) do
      assert.is_nil(seen[entry.code])
      seen[entry.code] = true
      assert.is_true(#entry.meaning > 0)
    end
  end)
end)
