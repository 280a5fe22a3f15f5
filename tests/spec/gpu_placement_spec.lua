-- takeover gpu explain, gpu place and gpu whatif, as people and programs call them.
local exit_codes = require("core.exit_codes")
local fleet = require("support.fleet")

local site

setup(function()
  site = fleet.site()
end)

teardown(function()
  site:close()
end)

before_each(function()
  site.lab.admin:reset({ cluster = "fleet", latency = 0 })
  site:parameters()
end)

local function contains(text, piece)
  assert.is_truthy(text:find(piece, 1, true), ("%q is not in:\n%s"):format(piece, text))
end

local function by_vm(list)
  local map = {}
  for _, entry in ipairs(list) do
    map[entry.vm] = entry
  end
  return map
end

describe("takeover gpu explain", function()
  it("shows every candidate with its verdict, and what a start on each node would take", function()
    local code, out, err = site:run("gpu", "explain", "train1")
    assert.are.equal(0, code, err)
    contains(out, "train1 wants 10de:1f08 with purpose=training")
    contains(out, "gpu-c1  held   ms3   legacy  HELD_BY  legacy runs with it on ms3")
    contains(out, "gpu-a2  free                 CHOSEN")
    contains(out, "7 other devices are not what is asked for")
    contains(out, "on ms1: gpu-a1 (0x8cdf9d920101) is already connected to ms1")
    contains(out, "on ms4: gpu-a2 (0x8cdf9d920102) is free")
  end)

  it("says why there is nothing, with an exit code of its own", function()
    local code, out = site:run("gpu", "explain", "desk2", "--on", "MS2")
    assert.are.equal(exit_codes.no_device, code)
    contains(out, "on ms2: HELD_BY desk2 wants device with purpose=desktop")
    assert.is_nil(out:find("on ms1:", 1, true))
  end)

  it("tells programs the same", function()
    local document, code = site:json("gpu", "explain", "big", "--on", "ms1")
    assert.are.equal(0, code)
    assert.are.equal(10, #document.candidates)
    assert.are.equal(1, #document.starts)
    assert.are.equal(fleet.B3, document.starts[1].devices[1].id)
    assert.are.equal("pool", document.starts[1].devices[1].from)
    local codes = {}
    for _, candidate in ipairs(document.candidates) do
      codes[candidate.id] = candidate.code or "fits"
    end
    assert.are.equal("fits", codes[fleet.B3])
    assert.are.equal("HELD_BY", codes[fleet.B1])
    assert.are.equal("MEMORY_UNKNOWN", codes[fleet.B4])
  end)

  it("knows names by their nearest one only", function()
    local code, _, err = site:run("gpu", "explain", "trane1")
    assert.are.equal(exit_codes.configuration, code)
    contains(err, "train1")
    code, _, err = site:run("gpu", "explain", "train1", "--on", "ms9")
    assert.are.equal(exit_codes.configuration, code)
    contains(err, "there is no node ms9")
  end)
end)

describe("takeover gpu place", function()
  it("shows where all machines go, and who has no place", function()
    local code, out, err = site:run("gpu", "place", "--all")
    assert.are.equal(exit_codes.no_device, code, err)
    contains(out, "ms1   gpu-a1 (here)                 it runs there")
    contains(out, "ms4   gpu-b3 (pool)")
    contains(out, "desk2         0  HELD_BY")
    contains(out, "gpu-b3 (0x8cdf9d920203) comes to ms4 from the pool, for big")
    contains(out, "5 placed, 1 not; optimal:")
  end)

  it("changes nothing", function()
    site:run("gpu", "place", "--all")
    site:run("gpu", "explain", "big")
    site:run("gpu", "whatif", "--fail", "any")
    local truth = site.lab.admin:truth()
    assert.is_true(truth.counters.eem.calls > 0)
    assert.are.same({}, truth.changes)
  end)

  it("answers for those that are named", function()
    local document, code = site:json("gpu", "place", "big")
    assert.are.equal(0, code)
    assert.are.equal(1, #document.placed)
    assert.are.same({}, document.unplaced)
    assert.are.same({ "big", false, false },
      { document.placed[1].vm, document.placed[1].stays, document.placed[1].degraded })
    assert.is_true(document.optimal)
    code = site:run("gpu", "place", "bigg")
    assert.are.equal(exit_codes.configuration, code)
  end)

  it("shows where the machines of a node would go that has to be left", function()
    local document = site:json("gpu", "place", "--leave", "ms1")
    local placed = by_vm(document.placed)
    assert.are_not.equal("ms1", placed.train1.node)
    assert.are_not.equal("ms1", placed.desk1.node)
    assert.is_true(placed.sim1.stays)
    local kinds = {}
    for _, move in ipairs(document.moves) do
      kinds[move.kind] = (kinds[move.kind] or 0) + 1
    end
    assert.are.equal(2, kinds.vm)
  end)

  it("places by the policy that is asked for", function()
    local document = site:json("gpu", "place", "big", "--policy", "consolidate")
    assert.are_not.equal("ms4", document.placed[1].node)
    document = site:json("gpu", "place", "big", "--policy", "spread")
    assert.are.equal("ms4", document.placed[1].node)
    assert.are.equal(exit_codes.usage, (site:run("gpu", "place", "--policy", "chaos")))
  end)
end)

describe("takeover gpu whatif", function()
  it("shows who comes back where after a node's failure", function()
    local document, code = site:json("gpu", "whatif", "--fail", "ms1")
    assert.are.equal(0, code)
    assert.are.same({ 2, true }, { document.affected, document.survives })
    local moved = by_vm(document.moved)
    assert.are.equal("ms1", moved.train1.from)
    assert.are.equal(fleet.A2, moved.train1.devices[1].id) -- the pool is nearer than a dead node
    assert.are.equal(fleet.A3, moved.desk1.devices[1].id)
  end)

  it("takes the same device that a start after the failure takes", function()
    local document = site:json("gpu", "whatif", "--fail", "ms1")
    for _, moved in ipairs(document.moved) do
      local started = site:json("gpu", "explain", moved.vm, "--on", moved.to)
      if moved.vm == "train1" then -- desk1's card is in use as long as ms1 lives
        assert.are.equal(started.starts[1].devices[1].id, moved.devices[1].id)
      end
    end
  end)

  it("shows who stays down, and why", function()
    local code, out = site:run("gpu", "whatif", "--fail", "box:box1")
    assert.are.equal(exit_codes.no_device, code)
    contains(out, "stays down")
    contains(out, "1 used by running machines, 2 missing or failed")
    contains(out, "2 stop, 0 come back, 2 stay down")
  end)

  it("takes names of devices, ids and several failures at once", function()
    local document = site:json("gpu", "whatif", "--fail", "GPU-A1", "--fail",
      "device:" .. fleet.A2)
    assert.are.same({ { kind = "device", name = fleet.A1 }, { kind = "device", name = fleet.A2 } },
      document.failures)
    assert.are.equal("train1", document.lost[1].vm)
  end)

  it("names the weakest point, and how many devices may fail", function()
    local code, out = site:run("gpu", "whatif", "--fail", "any")
    assert.are.equal(exit_codes.no_device, code)
    contains(out, "weakest: box box1 costs 2 of 4 running")
    contains(out, "a single device can be enough: desk1 has no spare")
    local document = site:json("gpu", "whatif", "--fail", "any")
    assert.are.equal(17, #document.failures)
    assert.are.same({ "desk1", "train1" }, (function(list)
      table.sort(list)
      return list
    end)(document.failures[1].lost))
    assert.are.equal(0, document.devices.at_most)
  end)

  it("counts the machines that are off, where they are taken as placed", function()
    local document = site:json("gpu", "whatif", "--fail", "any", "--planned")
    assert.are.equal(5, document.running)
  end)

  it("refuses what nobody has, and what is ambiguous", function()
    for _, case in ipairs({
      { { "boxx" }, 'did you mean "box' }, { { "node:box1" }, "there is no node box1" },
      { { "any", "ms1" }, "stands alone" },
    }) do
      local options = {}
      for _, text in ipairs(case[1]) do
        options[#options + 1], options[#options + 2] = "--fail", text
      end
      local code, _, err = site:run("gpu", "whatif", table.unpack(options))
      assert.are.equal(exit_codes.usage, code)
      contains(err, case[2])
    end
    site:parameters(function(text)
      return (text:gsub('name = "gpu%-a1"', 'name = "ms1"'))
    end)
    local code, _, err = site:run("gpu", "whatif", "--fail", "ms1")
    assert.are.equal(exit_codes.usage, code)
    contains(err, "write node:ms1 or device:ms1")
  end)
end)

describe("docs/placement.md", function()
  local text = require("fs").read("docs/placement.md")

  it("shows what the commands print", function()
    local shown = 0
    for block in text:gmatch("```console\n(.-)```") do
      for command, output in (block .. "$ "):gsub("\n%$ ", "\n\0$ "):gsub("%$ $", "")
        :gmatch("%$ takeover ([^\n]*)\n([^%z]*)") do
        local words = {}
        for word in command:gmatch("%S+") do
          words[#words + 1] = word
        end
        local _, out = site:run(table.unpack(words))
        assert.are.equal((out:gsub("%s+$", "")), (output:gsub("%s+$", "")), command)
        shown = shown + 1
      end
    end
    assert.are.equal(5, shown)
  end)

  it("has every reason code with its meaning, and no other", function()
    local rows, expected = {}, {}
    for code, meaning in text:gmatch("\n| `([%u_]+)` | ([^\n]-) |") do
      rows[#rows + 1] = code .. ": " .. meaning
    end
    for i, entry in ipairs(require("failover.placement").reasons.list) do
      expected[i] = entry.code .. ": " .. entry.meaning
    end
    assert.are.same(expected, rows)
  end)

  it("names commands for its comparison that work on the lab", function()
    local tried = 0
    for row in text:match("## Compared.*"):gmatch("\n|([^\n]*)|%f[\n]") do
      for command in row:gmatch("`takeover ([^`]*)`") do
        local words = {}
        for word in command:gmatch("%S+") do
          words[#words + 1] = word
        end
        local code, out = site:run(table.unpack(words))
        assert.is_true(code == 0 or code == exit_codes.no_device, command)
        assert.is_true(#out > 0, command)
        tried = tried + 1
      end
    end
    assert.is_true(tried >= 15)
  end)
end)
