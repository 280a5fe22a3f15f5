-- takeover drain and undrain: the plan, and moving with the real program and lab, where a little
-- program plays clpgrp.
local drain = require("failover.placement.drain")
local drained = require("cli.drained")
local folder = require("cli.folder")
local fs = require("fs")
local json = require("json")
local site_module = require("support.site")

local function request(criteria)
  return { count = 1, min = 1, same_box = false, different_box = false, title = "a card",
    alternatives = { criteria } }
end

-- Machines m1, m2, ... that run on a with a card each, and a node b that takes `room` cards.
local function fleet(machines, room)
  local s = {
    devices = {}, vms = {}, warnings = {},
    nodes = {
      { name = "a", group_id = 50, reachable = true, capacity = 16, held = machines,
        drained = false },
      { name = "b", group_id = 60, reachable = true, capacity = room, held = 0, drained = false },
    },
  }
  for i = 1, machines do
    local id, key = ("0x8cdf9d9110%02d"):format(i), "m" .. i
    s.devices[i] = {
      id = id, title = "card" .. i, kind = "card", state = "held", labels = {}, vendor = "10de",
      device = "1f08", identity = "declared", bridge = false, group_id = 50, node = "a", vm = key,
      vm_known = true, vm_running = true, link = "up", power = "on", locations = {}, cost = 0,
      declared = true,
    }
    s.vms[i] = {
      key = key, name = key, group = "Failover-" .. key, priority = i == 3 and 10 or 0,
      requests = { request({ vendor = "10de", device = "1f08" }) }, node = "a", state = "running",
      running = true, devices = { id }, registered = { "a" }, degraded = false,
    }
  end
  return s
end

describe("the plan of a drain", function()
  it("moves every machine with a device, the most important first", function()
    local plan = drain.plan(fleet(3, 16), "a")
    assert.same({}, plan.lost)
    local order = {}
    for i, move in ipairs(plan.moves) do
      assert.same({ "a", "b", 1 }, { move.from, move.to, #move.devices })
      order[i] = move.vm
    end
    assert.same({ "m3", "m1", "m2" }, order)
  end)

  it("names those for which there is no room, never the more important ones", function()
    local plan = drain.plan(fleet(8, 6), "a")
    assert.same({ 6, 2 }, { #plan.moves, #plan.lost })
    assert.equal("m3", plan.moves[1].vm)
    assert.equal("CAPACITY", plan.lost[1].code)
  end)

  it("does not count on devices that stay behind, or on nodes that are drained themselves",
    function()
      local s = fleet(2, 16)
      s.vms[1].nodes = { "a" }
      assert.equal("m1", drain.plan(s, "a").lost[1].vm)
      s.nodes[2].drained = true
      assert.equal(2, #drain.plan(s, "a").lost)
    end)

  it("is empty where nothing runs", function()
    local s = fleet(2, 16)
    assert.same({ node = "b", moves = {}, lost = {} }, drain.plan(s, "b"))
  end)

  it("brings back only as many as there is room for, all together", function()
    local s = fleet(2, 1)
    local plan = drain.plan_back(s, "b", { "m1", "m2", "gone" })
    assert.same({ 1, 1 }, { #plan.moves, #plan.lost })
    assert.same({ "m1", "b" }, { plan.moves[1].vm, plan.moves[1].to })
    assert.same({ "m2", "a", "CAPACITY" }, { plan.lost[1].vm, plan.lost[1].from,
      plan.lost[1].code })
    assert.equal(2, #drain.plan_back(fleet(2, 16), "b", { "m1", "m2" }).moves)
    assert.equal(0, #drain.plan_back(s, "b", {}).moves)
  end)

  it("changes nothing of the situation", function()
    local s = fleet(2, 16)
    local before = json.encode(s)
    drain.plan(s, "a")
    assert.equal(before, json.encode(s))
  end)
end)

describe("a drain that is carried out", function()
  local time, moved, told
  local function hands(seen)
    time, moved, told = 0, {}, {}
    return {
      now = function() return time end,
      sleep = function(seconds) time = time + seconds end,
      within = function() return 100 end,
      move = function(move) moved[#moved + 1] = move.vm .. " to " .. move.to end,
      stop = function(lost) moved[#moved + 1] = lost.vm .. " off" end,
      seen = seen,
      tell = function(move, state) told[#told + 1] = move.vm .. " " .. state end,
    }
  end
  local plan = {
    node = "a",
    moves = { { vm = "m1", from = "a", to = "b" }, { vm = "m2", from = "a", to = "b" } },
    lost = { { vm = "m3" } },
  }

  it("moves one after another, and waits for each", function()
    local looks = 0
    assert.equal(3, drain.carry_out(plan, hands(function()
      looks = looks + 1
      return looks % 2 == 0
    end)))
    assert.same({ "m1 to b", "m2 to b", "m3 off" }, moved)
    assert.same({ "m1 moving", "m1 done", "m2 moving", "m2 done", "m3 moving", "m3 done" }, told)
  end)

  it("stops at the first that does not arrive, and says what was seen", function()
    local ok, failed = pcall(drain.carry_out, plan, hands(function()
      return false, "it is off on b"
    end))
    assert.is_false(ok)
    assert.equal("NOT_REACHED", failed.code)
    assert.equal("m1 is not running on b after 100 s: it is off on b", failed.message)
    assert.same({ "m1 to b" }, moved)
  end)
end)

describe("the mark of a drained node", function()
  local directory
  before_each(function()
    directory = folder.temporary()
  end)
  after_each(function()
    folder.remove(directory)
  end)

  it("is kept until it is taken away", function()
    assert.same({}, drained.read(directory))
    drained.add(directory, "ms1", { "vme2" }, 100)
    drained.add(directory, "ms1", { "vme3", "vme2" }, 200)
    drained.add(directory, "ms2", {}, 300)
    assert.same({ since = 100, vms = { "vme2", "vme3" } }, drained.read(directory).ms1)
    assert.same({ "vme2", "vme3" }, drained.remove(directory, "ms1").vms)
    assert.is_nil(drained.remove(directory, "ms1"))
    assert.equal(300, drained.read(directory).ms2.since)
    drained.remove(directory, "ms2")
    assert.is_nil(fs.find(directory .. "/drained.json"))
  end)

  it("refuses a file that it did not write", function()
    for _, text in ipairs({ "{", "[1]", '{"ms1":{"vms":1,"since":2}}' }) do
      fs.write(directory .. "/drained.json", text)
      local ok, failed = pcall(drained.read, directory)
      assert.is_false(ok)
      assert.equal("CONFIG", failed.code)
    end
  end)
end)

-- What clpgrp has EXPRESSCLUSTER do: the stop script here, the disk, the start script there.
local CLPGRP = [[
local process = require("process")
local client = require("lab.client")
local program, site, lab, verb, group = table.unpack(arg)
assert(group == "Failover-vme2", group)
local admin = client.open(lab)
local function owner()
  for _, disk in ipairs(admin:truth().disks) do
    return disk.owner
  end
end
local from = owner()
local to = from == "ms1" and "ms2" or "ms1"
local function run(command, node)
  local result = process.run({ program, command, "vme2", timeout = 50, env = {
    TAKEOVER_NODE = node, TAKEOVER_STATE = site .. "/" .. node,
  } })
  if result.code ~= 0 then
    io.stderr:write(result.stderr, "\n")
    os.exit(3)
  end
end
run("stop", from)
if verb == "-m" then
  admin:give_disk(to)
  run("start", to)
end
]]

describe("takeover drain", function()
  local site

  before_each(function()
    site = site_module.open({ latency = 0 })
    site:parameters({ vm = 'group = "Failover-vme2"' })
    local script = site:write("bin/clpgrp.lua", CLPGRP)
    site:write("bin/clpgrp", ('#!/bin/sh\nexec "%s" run "%s" "%s" "%s" "%s" "$@"\n'):format(
      site_module.PROGRAM, script, site_module.PROGRAM, site.directory, site.lab.admin.url),
      { mode = "0755" })
    assert.equal(0, site:run({ "start", "vme2" }).code)
  end)
  after_each(function()
    site:close()
  end)

  local function with_clpgrp()
    return { env = { PATH = site.directory .. "/bin:" .. os.getenv("PATH") } }
  end

  it("shows the plan and changes nothing", function()
    local before = #site:changes()
    local result = site:run({ "drain", "ms1" })
    assert.equal(0, result.code, result.stderr)
    site_module.contains(result.stdout, "ms1 -> ms2")
    site_module.contains(result.stdout, 'clpgrp -m "Failover-vme2"')
    assert.equal(before, #site:changes())
    assert.is_nil(fs.find(site.directory .. "/ms1/drained.json"))
  end)

  it("moves the machine, keeps the node free, and undrain brings it back", function()
    local result = site:run({ "drain", "ms1", "--go" }, with_clpgrp())
    assert.equal(0, result.code, result.stderr)
    site_module.contains(result.stdout, "vme2 runs on ms2")
    assert.same({ "ms2" }, site:vm().running)
    assert.is_truthy(fs.find(site.directory .. "/ms1/drained.json"))
    result = site:run({ "--json", "undrain", "ms1", "--go" }, with_clpgrp())
    assert.equal(0, result.code, result.stderr)
    assert.is_true(json.decode(result.stdout).moved)
    assert.same({ "ms1" }, site:vm().running)
    assert.is_nil(fs.find(site.directory .. "/ms1/drained.json"))
    assert.same({}, site.admin:violations())
  end)

  it("refuses to lose a machine, unless that is accepted", function()
    site:parameters({ vm = 'group = "Failover-vme2", nodes = { "ms1" }' })
    local result = site:run({ "drain", "ms1", "--go" }, with_clpgrp())
    assert.equal(10, result.code)
    site_module.contains(result.stdout, "vme2 would be lost")
    assert.same({ "ms1" }, site:vm().running)
    result = site:run({ "drain", "ms1", "--go", "--accept-loss" }, with_clpgrp())
    assert.equal(0, result.code, result.stderr)
    assert.same({}, site:vm().running)
  end)

  it("says what is missing: clpgrp, a group, a known node", function()
    local result = site:run({ "drain", "ms1", "--go" }, { env = { PATH = "/nowhere" } })
    assert.equal(11, result.code)
    site_module.contains(result.stderr, "there is no clpgrp on this host")
    result = site:run({ "drain", "ms3" })
    assert.equal(13, result.code)
    site_module.contains(result.stderr, "there is no node ms3")
    site:parameters()
    result = site:run({ "drain", "ms1", "--go" }, with_clpgrp())
    assert.equal(13, result.code)
    site_module.contains(result.stderr, "vms.vme2 has no group")
    assert.same({ "ms1" }, site:vm().running)
  end)
end)
