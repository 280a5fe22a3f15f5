-- Requests brought together with what is seen: a world of plain tables, so that every call counts.
local selection = require("failover.devices.selection")
local attached = require("failover.devices.attached")
local loop = require("loop")
local parameters = require("failover.parameters")
local quarantine = require("failover.devices.quarantine")
local scheduler = require("core.scheduler")
local virtual_clock = require("core.virtual_clock")

local A, B, C = "0x8cdf9d911c60", "0x8cdf9d911c62", "0x8cdf9d911c64"
local GROUPS = { ms1 = 50, ms2 = 150, free = 4093 }

local counted

local function count(what)
  counted[#counted + 1] = what
end

local function read(gpus, more)
  local value, mistakes = parameters.check(([[return {
    eem = { url = "http://eem/eem", auth = "none" },
    nodes = { ms1 = { group_id = 50 }, ms2 = { group_id = 150 } },
    devices = { ["0x8cdf9d911c64"] = { labels = { size = "large" } } },
    vms = { vme2 = { path = "G:\\vme2", gpus = { %s } }, vme3 = { path = "H:\\vme3",
      gpus = { { vendor = "10de", device = "1f08" } }, priority = -1 } }, %s
  }]]):format(gpus, more or ""), "p.lua")
  return assert(value, mistakes[1] and mistakes[1].text)
end

local function assigned_to(machine)
  local result = {}
  for i, location in ipairs(machine.assigned) do
    result[i] = { id = location, location = location, vendor = "10de", device = "1f08",
      present = true }
  end
  return result
end

-- A handle of Hyper-V on a node: machines = { name -> { state, assigned = { location... } } }.
local function hyperv(node, machines)
  local by_id, list, assignable = {}, {}, {}
  for name, machine in pairs(machines) do
    by_id[name] = machine
    list[#list + 1] = { id = name, name = name, state = machine.state }
    for _, location in ipairs(machine.assigned) do
      assignable[#assignable + 1] = { location = location, vendor = "10de", device = "1f08",
        in_use = true }
    end
  end
  return {
    vms = function()
      count(node .. " vms")
      return list
    end,
    assignable_devices = function()
      return assignable
    end,
    assigned = function(_, id)
      return assigned_to(by_id[id])
    end,
    assignments = function()
      local all = {}
      for id, machine in pairs(by_id) do
        all[id] = { assigned = assigned_to(machine), held = #machine.assigned }
      end
      return all, assignable
    end,
  }
end

local function pnp(locations)
  return {
    devices = function(_, filter)
      local list = {}
      for i, location in ipairs(filter.vendor == "10de" and locations or {}) do
        list[i] = { id = "PCI\\" .. i, location = location, vendor = "10de", device = "1f08" }
      end
      return list
    end,
  }
end

-- options: gpus (text), more (text), where = { id -> node or "free" }, nodes = { node -> { vms =,
-- locations = } }
local function context(options)
  counted = {}
  local value, records = read(options.gpus, options.more), {}
  local function record(id)
    local where = options.where[id]
    return where and {
      id = id, kind = "io", group_id = GROUPS[where], free = where == "free", link = "up",
      vendor = "10de", device = "1f08", class = "030000", type = "40g",
    }
  end
  for i, name in ipairs({ "ms1", "ms2" }) do
    records[i] = { id = "0x8cdf9d911c0" .. i, kind = "board", group_id = GROUPS[name] }
  end
  for _, id in ipairs({ A, B, C }) do
    records[#records + 1] = record(id)
  end
  return {
    parameters = value, vm = value.vms.vme2, vm_name = "vme2", node = "ms1",
    this = value.nodes.ms1, memory = options.memory or {},
    quarantine = quarantine.open({
      store = quarantine.in_memory(), warn = error, node = "ms1",
      wall = function()
        return 1800000000
      end,
    }),
    eem = {
      devices = function()
        count("eem devices")
        return records
      end,
      find_device = function(_, id)
        count("eem device")
        return record(id)
      end,
    },
    peer = function(_, name)
      local node = (options.nodes or {})[name] or {}
      return { hyperv = hyperv(name, node.vms or {}), pnp = pnp(node.locations or {}) }
    end,
  }
end

local function in_scheduler(fn)
  local result
  local ok, problem = scheduler.with_driver(virtual_clock.new(0), function()
    result = table.pack(fn())
  end)
  assert(ok, problem)
  return table.unpack(result, 1, result.n)
end

local function ids(list)
  local found = {}
  for i, gpu in ipairs(list) do
    found[i] = gpu.id
  end
  return found
end

-- Ids that are chosen, or the rejection.
local function chosen(c)
  return in_scheduler(function()
    local choice, rejection = selection.choose(c)
    return choice and ids(selection.gpus(c, choice)) or nil, rejection, choice
  end)
end

local function present(c)
  return in_scheduler(function()
    return ids(attached.present(c))
  end)
end

local ANY = '{ vendor = "10de", device = "1f08" }'

describe("the choice of devices", function()
  it("by id asks for that one device and nothing else", function()
    local c = context({ gpus = ('{ id = "%s" }'):format(B), where = { [A] = "free", [B] = "ms2" } })
    assert.are.same({ B }, chosen(c))
    assert.are.same({ "eem device" }, counted)
  end)

  -- Where nothing is wrong no situation is made; where a machine has nodes one is.
  it("by id is the same with a situation and without", function()
    local gpus = ('{ id = "%s" }, { id = "%s" }'):format(A, B)
    local function told(where, more)
      local c = context({ gpus = gpus .. more, where = where })
      local _, rejection, choice = chosen(c)
      return {
        choice and selection.gpus(c, choice), choice and choice.reasons,
        rejection and rejection.text,
      }
    end
    local function compare(where)
      local found = told(where, "")
      assert.are.same(told(where, ' }, nodes = { "ms1", "ms2"'), found)
      return found
    end
    for _, a in ipairs({ "ms1", "ms2", "free" }) do
      for _, b in ipairs({ "ms1", "ms2", "free" }) do
        assert.are.equal(2, #compare({ [A] = a, [B] = b })[1])
      end
    end
    assert.truthy(compare({ [A] = "ms1" })[3])
  end)

  it("by description asks no node while a free device is enough", function()
    local c = context({ gpus = ANY, where = { [A] = "ms2", [B] = "free" } })
    assert.are.same({ B }, chosen(c))
    assert.are.same({ "eem devices" }, counted)
  end)

  it("asks the node of a device before it is taken from there", function()
    local c = context({ gpus = ANY, where = { [A] = "ms2", [B] = "ms2" }, nodes = { ms2 = {
      vms = { vme3 = { state = "running", assigned = { "L1" } } }, locations = { "L1", "L2" },
    } }, more = "" })
    c.parameters.devices[A] = { labels = {}, locations = { ms2 = "L1" } }
    assert.are.same({ B }, chosen(c))
    assert.are.same({ "eem devices", "ms1 vms", "ms2 vms" }, counted)
  end)

  it("leaves a device of another node alone that a machine may be starting with there", function()
    local c = context({ gpus = ANY, where = { [A] = "ms2" }, nodes = { ms2 = {
      vms = {}, locations = { "L1" },
    } } })
    local _, rejection = chosen(c)
    assert.are.equal("HELD_BY", rejection.code)
    assert.is_truthy(rejection.text:find("vme3 may be starting with it on ms2", 1, true))
    c.parameters.vms.vme3.gpus[1].alternatives[1].device = "1eb1" -- nobody else can mean it
    assert.are.same({ A }, chosen(c))
  end)

  it("says who has it when a running machine has the only one", function()
    local c = context({ gpus = ANY, where = { [A] = "ms2" }, nodes = { ms2 = {
      vms = { vme3 = { state = "running", assigned = { "L1" } } }, locations = { "L1" },
    } } })
    local _, rejection = chosen(c)
    assert.are.equal("HELD_BY", rejection.code)
    assert.is_truthy(rejection.text:find("vme3 runs with it on ms2", 1, true))
    local failed = in_scheduler(function()
      local _, raised = loop.guard(selection.raise, c, rejection)
      return raised
    end)
    assert.are.equal("HELD_BY", failed.code)
  end)

  it("keeps what the machine runs with here", function()
    local c = context({ gpus = ANY, where = { [A] = "free", [B] = "ms1" }, nodes = { ms1 = {
      vms = { vme2 = { state = "running", assigned = { "L1" } } }, locations = { "L1" },
    } } })
    assert.are.same({ B }, chosen(c))
  end)

  it("does not take what this run has lost to another node", function()
    local c = context({ gpus = ANY, where = { [A] = "free", [B] = "free" },
      memory = { lost = { [A] = "ms2 was quicker" } } })
    assert.are.same({ B }, chosen(c))
    c.memory.lost[B] = "ms2 was quicker"
    local _, rejection = chosen(c)
    assert.are.equal("HELD_BY", rejection.code)
    assert.is_truthy(rejection.text:find("ms2 was quicker", 1, true))
  end)

  it("takes the next one when the first is in quarantine, and names both when both are", function()
    local c = context({ gpus = ANY, where = { [A] = "free", [B] = "free" } })
    c.quarantine:suspect(A, "its link is down")
    in_scheduler(function()
      c.quarantine:settle()
    end)
    assert.are.same({ B }, chosen(c))
    c.quarantine:suspect(B, "it did not appear")
    in_scheduler(function()
      c.quarantine:settle()
    end)
    local _, rejection = chosen(c)
    for _, piece in ipairs({ A, B, "its link is down", "it did not appear",
      "2027-01-15 08:10:00 UTC" }) do
      assert.is_truthy(rejection.text:find(piece, 1, true), piece)
    end
  end)

  it("does not ask a node again so soon that was silent just now", function()
    local c = context({ gpus = ANY, where = { [A] = "ms2" } })
    c.memory.peers = {
      ms2 = { reachable = false, failure = { message = "no route" }, time = 0 },
    }
    assert.are.same({ A }, chosen(c))
    assert.are.same({ "eem devices", "ms1 vms" }, counted)
    c.memory.peers.ms2.time = -31
    chosen(c)
    assert.are.same({ "eem devices", "ms1 vms", "eem devices", "ms1 vms", "ms2 vms" }, counted)
  end)

  it("may be degraded where min says so", function()
    local c = context({ gpus = '{ vendor = "10de", device = "1f08", count = 2, min = 1 }',
      where = { [A] = "free" } })
    local found, _, choice = chosen(c)
    assert.are.same({ A }, found)
    assert.is_true(choice.degraded)
  end)
end)

describe("the devices that a machine has here", function()
  local ONE = { [A] = "ms1", [B] = "ms1" }

  it("by id are these, wherever they are", function()
    local c = context({ gpus = ('{ id = "%s" }'):format(B), where = { [B] = "ms2" } })
    assert.are.same({ B }, present(c))
    assert.are.same({ "eem device" }, counted)
  end)

  it("by description are those that are assigned to it", function()
    local c = context({ gpus = ANY, where = { [A] = "free", [B] = "ms1" }, nodes = { ms1 = {
      vms = { vme2 = { state = "running", assigned = { "L1" } } }, locations = { "L1" },
    } } })
    assert.are.same({ B }, present(c))
  end)

  it("are known by their place after they were taken from it", function()
    local c = context({ gpus = ANY, where = ONE, memory = { had = { L1 = "10de:1f08" } },
      nodes = { ms1 = { vms = {}, locations = { "L1", "L2" } } } })
    c.parameters.devices[A] = { labels = {}, locations = { ms1 = "L2" } }
    c.parameters.devices[B] = { labels = {}, locations = { ms1 = "L1" } }
    assert.are.same({ B }, present(c))
  end)

  it("are known as a set: the others of the model are another machine's", function()
    local c = context({ gpus = ANY, where = ONE, memory = { had = { L1 = "10de:1f08" } },
      nodes = { ms1 = { vms = { vme3 = { state = "running", assigned = { "L2" } } },
        locations = { "L1", "L2" } } } })
    c.parameters.devices[A] = { labels = {}, locations = { ms1 = "L2" } }
    assert.are.same({ B }, present(c))
    c = context({ gpus = '{ vendor = "10de", device = "1f08", count = 2 }', where = ONE,
      memory = { had = { L1 = "10de:1f08", L2 = "10de:1f08" } },
      nodes = { ms1 = { vms = {}, locations = { "L1", "L2" } } } })
    assert.are.same({ A, B }, present(c))
  end)

  it("are not guessed where nothing tells them apart, and what would is said", function()
    local c = context({ gpus = ANY, where = ONE, memory = { had = { L1 = "10de:1f08" } },
      nodes = { ms1 = { vms = {}, locations = { "L1", "L2" } } } })
    local failed = in_scheduler(function()
      local ok, raised = loop.guard(attached.present, c)
      assert(not ok)
      return raised
    end)
    assert.are.equal("NO_DEVICE", failed.code)
    assert.is_truthy(failed.hint:find(".locations = { ms1 =", 1, true))
  end)

  it("are what was left behind, unless another machine could mean it", function()
    local large = '{ labels = { size = "large" } }'
    local c = context({ gpus = large, where = { [C] = "ms1" } })
    c.parameters.vms.vme3 = nil
    assert.are.same({ C }, present(c))
    c = context({ gpus = large, where = { [C] = "ms1" },
      nodes = { ms1 = { vms = { vme3 = { state = "off", assigned = {} } } } } })
    assert.are.same({}, present(c)) -- vme3 asks for 10de:1f08, which it is, too
  end)
end)
