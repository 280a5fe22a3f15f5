local parameters = require("failover.parameters")
local requests = require("failover.parameters.requests")

-- Two nodes, three devices in two boxes, and what one virtual machine asks for, in line 14.
local frame = [[
return {
  eem = { url = "http://eem/eem", auth = "none" },
  nodes = { ms1 = { group_id = 50 }, ms2 = { group_id = 150 } },
  devices = {
    ["0x8cdf9d911c60"] = { labels = { purpose = "training", size = "large" }, box = "box1",
      vendor = "10de", device = "1f08", memory = "8GiB", model = "RTX 2060", serial = "A1",
      locations = { ms1 = "PCIROOT(0)#PCI(0100)" } },
    ["0x8cdf9d911c62"] = { labels = { purpose = "training" }, box = "box1", memory = "6144MiB" },
    ["0x8cdf9d911c64"] = { labels = { purpose = "inference" }, box = "box2", class = "0302" },
  },
  vms = {
    vme2 = { path = "G:\\vme2",
      -- what is asked for:
      gpus = { %s },
      %s
    },
  },
}
]]

local function read(gpus, more)
  return parameters.check(frame:format(gpus, more or ""), "p.lua")
end

local function read_request(text)
  local value, mistakes = read(text)
  assert(value, mistakes[1] and mistakes[1].text)
  return value.vms.vme2.gpus[1]
end

-- The one mistake that a text has, without file and line, which must be right.
local function mistake(gpus, more, line)
  local value, mistakes = read(gpus, more)
  assert.is_nil(value, "it was accepted: " .. gpus)
  assert.are.equal(1, #mistakes, gpus)
  assert.are.equal(line or 14, mistakes[1].line)
  assert.is_truthy(mistakes[1].text:find("p.lua:" .. (line or 14) .. ": ", 1, true) == 1)
  return mistakes[1].path .. ": " .. mistakes[1].message
end

local AT = "vms.vme2.gpus[1]"

describe("a request for GPUs", function()
  it("by id has the one form of all requests", function()
    assert.are.same({
      count = 1, min = 1, same_box = false, different_box = false, title = "0x8cdf9d911c60",
      alternatives = { { id = "0x8cdf9d911c60" } },
    }, read_request('{ id = "0X8CDF9D911C60" }'))
    assert.are.equal("0x8cdf9d911c60", requests.fixed(read_request('{ id = "0x8cdf9d911c60" }')))
  end)

  it("by description keeps its criteria, sizes in bytes", function()
    local request = read_request([[{ vendor = "10DE", device = "0x1f08", class = "03",
      labels = { purpose = "training" }, model = "RTX 2060", min_memory = "8GiB" }]])
    assert.are.same({ {
      vendor = "10de", device = "1f08", class = "03", labels = { purpose = "training" },
      model = "RTX 2060", min_memory = 8 * 2 ^ 30,
    } }, request.alternatives)
    assert.are.equal("10de:1f08 RTX 2060 class 03 with purpose=training and 8GiB of memory",
      (request.title:gsub(",", "")))
    assert.is_nil(requests.fixed(request))
  end)

  it("has count, min and boxes", function()
    local request = read_request(
      '{ labels = { purpose = "training" }, count = 2, min = 1, same_box = true }')
    assert.are.same({ 2, 1, true, false },
      { request.count, request.min, request.same_box, request.different_box })
    assert.are.equal("2 of device with purpose=training", request.title)
    assert.are.equal(2, (read_request('{ class = "03", count = 2 }').min))
  end)

  it("has ordered alternatives", function()
    local request = read_request('{ first_of = { { labels = { size = "large" } }, '
      .. '{ vendor = "10de" }, { id = "0x8cdf9d911c64" } } }')
    assert.are.same({ { labels = { size = "large" } }, { vendor = "10de" },
      { id = "0x8cdf9d911c64" } }, request.alternatives)
    assert.are.equal("device with size=large, or vendor 10de, or 0x8cdf9d911c64", request.title)
    assert.is_nil(requests.fixed(request))
  end)

  it("may be for a share of a GPU", function()
    local request = read_request('{ vendor = "10de", partition = { vram = "4GiB" } }')
    assert.are.same({ { vendor = "10de", partition = { vram = 4 * 2 ^ 30 } } },
      request.alternatives)
    assert.are.equal("4GiB of a vendor 10de", request.title)
  end)

  it("is counted with the others of its virtual machine", function()
    local value = read('{ vendor = "10de", count = 3, min = 1 }, { id = "0x8cdf9d911c60" }')
    assert.are.same({ 4, 2 }, { requests.wanted(value.vms.vme2) })
  end)

  it("in its one form is normalised to itself", function()
    local request = read_request('{ vendor = "10de", count = 2 }')
    assert.are.equal(request, requests.normalise(request))
    assert.are.same({ { id = "0x8cdf9d911c60" } },
      requests.normalise({ id = "0x8cdf9d911c60" }).alternatives)
  end)

  local refused = {
    { "{ labels = { purpos = 'training' } }",
      AT .. '.labels.purpos: no device has a label of this name; did you mean "purpose"?' },
    { "{ labels = { colour = 'red' } }",
      AT .. ".labels.colour: no device has a label of this name; known are purpose, size" },
    { "{ labels = { purpose = 'trainig' } }", AT
      .. '.labels.purpose: no device has this label with the value "trainig"; did you mean '
      .. '"training"?' },
    { "{ first_of = { { vendor = '10de' }, { labels = { size = 'huge' } } } }",
      AT .. '.first_of[2].labels.size: no device has this label with the value "huge"; known are '
      .. "large" },
    { "{ labels = { purpose = 'training' }, count = 3 }", AT .. ": asks for 3 devices, and 2 under "
      .. "devices can ever fit (labels, model and memory are what is written there)" },
    { "{ min_memory = '64GiB' }", AT .. ": asks for 1 device, and none under devices can ever fit "
      .. "(labels, model and memory are what is written there)" },
    { "{ model = 'A100' }", AT .. ": asks for 1 device, and none under devices can ever fit "
      .. "(labels, model and memory are what is written there)" },
    { "{ labels = { purpose = 'inference' }, class = '0300' }", AT .. ": asks for 1 device, and "
      .. "none under devices can ever fit (labels, model and memory are what is written there)" },
    { "{ labels = { purpose = 'training' }, count = 2, different_box = true }",
      AT .. ": asks for 2 devices in different boxes, and those that fit are in 1" },
    { "{ vendor = '10de', count = 0 }", AT .. ".count: must be between 1 and 64, is 0" },
    { "{ vendor = '10de', count = 2, min = 3 }",
      AT .. ".min: must not be more than count, which is 2" },
    { "{ vendor = '10de', min = 2 }", AT .. ".min: must not be more than count, which is 1" },
    { "{ vendor = '10de', count = 2, same_box = true, different_box = true }",
      AT .. ".different_box: contradicts same_box" },
    { "{ id = '0x8cdf9d911c60', count = 1 }",
      AT .. ".count: cannot stand beside id, which names one device" },
    { "{ id = '0x8cdf9d911c60', vendor = '10de' }",
      AT .. ".vendor: cannot stand beside id, which names one device" },
    { "{ id = '0x8cdf9d911c60', partition = { vram = '1GiB' } }",
      AT .. ".partition: cannot stand beside id, which names one device" },
    { "{ first_of = {} }", AT .. ".first_of: must not be empty" },
    { "{ first_of = { { first_of = { { vendor = '10de' } } } } }",
      AT .. ".first_of[1].first_of: there is no such key; known are class, device, id, labels, "
      .. "min_memory, model, partition, vendor" },
    { "{ first_of = { {} } }", AT .. ".first_of[1]: needs id, or what the device must be: vendor "
      .. "and device, class, labels, model or min_memory" },
    { "{ first_of = { { vendor = '10de' } }, vendor = '10de' }",
      AT .. ".vendor: cannot stand beside first_of; write it in each alternative" },
    { "{ first_of = { { id = '0x8cdf9d911c60' } }, count = 2 }",
      AT .. ".first_of[1].id: names one device, and count is 2" },
    { "{ device = '1f08' }",
      AT .. ": needs vendor beside device, whose digits are the vendor's own" },
    { "{ class = '030' }",
      AT .. '.class: must be two, four or six hexadecimal digits as in "03", "0302" or "030200"' },
    { "{ partition = {} }", AT .. ".partition: the key vram is missing" },
    { "{ partition = { vram = '1GiB' }, min_memory = '1GiB' }",
      AT .. ".min_memory: cannot stand beside partition, whose vram says it" },
    { "{ id = '0x8cdf9d911c60' }, { id = '0X8CDF9D911C60' }",
      "vms.vme2.gpus[2].id: virtual machine vme2 asks for this device already" },
    { "{ lables = { purpose = 'training' } }",
      AT .. '.lables: there is no such key; did you mean "labels"?' },
  }
  for _, case in ipairs(refused) do
    it("is refused with its line and key: " .. case[1], function()
      assert.are.equal(case[2], mistake(case[1]))
    end)
  end

  it("wants a box that is declared", function()
    local value, mistakes = parameters.check(frame:format(
      "{ vendor = '10de', count = 2, same_box = true }", ""):gsub('box = "box%d",', ""), "p.lua")
    assert.is_nil(value)
    assert.are.equal("p.lua:14: " .. AT .. ".same_box: no device under devices says its box",
      mistakes[1].text)
  end)
end)

describe("a virtual machine", function()
  it("has a priority and nodes on which it may run", function()
    local value = read("{ vendor = '10de' }", "priority = -3, nodes = { 'ms2' },")
    assert.are.equal(-3, value.vms.vme2.priority)
    assert.are.same({ "ms2" }, value.vms.vme2.nodes)
    assert.are.equal(0, read("{ vendor = '10de' }").vms.vme2.priority)
  end)

  it("names nodes that there are, each once", function()
    assert.are.equal('vms.vme2.nodes[2]: there is no such node; did you mean "ms1"?',
      mistake("{ vendor = '10de' }", "nodes = { 'ms2', 'ms3' },", 15))
    assert.are.equal("vms.vme2.nodes[2]: stands here twice",
      mistake("{ vendor = '10de' }", "nodes = { 'ms2', 'ms2' },", 15))
    assert.are.equal("vms.vme2.nodes: must not be empty",
      mistake("{ vendor = '10de' }", "nodes = {},", 15))
  end)
end)

describe("a device in parameters.lua", function()
  local function changed(from, to)
    local first, last = frame:find(from, 1, true)
    local text = frame:sub(1, first - 1) .. to .. frame:sub(last + 1)
    local value, mistakes = parameters.check(text:format("{ vendor = '10de' }", ""), "p.lua")
    assert.is_nil(value)
    assert.are.equal(1, #mistakes)
    return mistakes[1].text
  end

  it("has its memory in bytes", function()
    local value = read("{ vendor = '10de' }")
    assert.are.equal(8 * 2 ^ 30, value.devices["0x8cdf9d911c60"].memory)
  end)

  it("does not stand in two entries: one serial, one location on one node", function()
    assert.are.equal('p.lua:8: devices["0x8cdf9d911c62"].serial: device 0x8cdf9d911c60 has this '
      .. "serial already; is it one device in two entries?",
      changed('memory = "6144MiB"', 'serial = "a1"'))
    assert.are.equal('p.lua:8: devices["0x8cdf9d911c62"].locations.ms1: device 0x8cdf9d911c60 has '
      .. "this location on this node already; is it one device in two entries?",
      changed('memory = "6144MiB"', 'locations = { ms1 = "pciroot(0)#PCI(0100)" }'))
  end)

  it("may have one location on two nodes", function()
    local text = frame:gsub("locations = { ms1", 'locations = { ms2 = "PCIROOT(0)#PCI(0100)", ms1')
    assert.is_table((parameters.check(text:format("{ vendor = '10de' }", ""), "p.lua")))
  end)

  it("is in a box that has one spelling", function()
    assert.are.equal('p.lua:9: devices["0x8cdf9d911c64"].box: this box is written "box1" elsewhere',
      changed('box = "box2"', 'box = "Box1"'))
  end)
end)

describe("placement in parameters.lua", function()
  it("spreads, takes from nobody and does not wait, unless it is told to", function()
    local value = read("{ vendor = '10de' }")
    assert.are.same({ policy = "spread", preempt = false, wait = 0 }, value.placement)
    local text = frame:gsub("return {", 'return { placement = { policy = "consolidate" },')
    value = parameters.check(text:format("{ vendor = '10de' }", ""), "p.lua")
    assert.are.same({ policy = "consolidate", preempt = false, wait = 0 }, value.placement)
  end)
end)
