-- Random schedules and the families that they come in. What the explorer catches: mutants_spec.
local explorer = require("lab.explorer")
local failover = require("failover")
local families = require("lab.explorer.families")
local player = require("lab.explorer.play")
local random = require("lab.explorer.random")

local CLUSTERS = { "seed", "quad", "pool" }

local function all()
  return true
end

-- The truth about a world, without what was done to it on the way.
local function end_of(world)
  local truth = world:truth()
  truth.changes = nil
  return truth
end

describe("a random schedule", function()
  it("is the same for the same seed, and another for another", function()
    local setting = explorer.setting()
    for seed = 1, 50 do
      assert.same(explorer.random_schedule(seed, setting), explorer.random_schedule(seed, setting))
    end
    local seen, texts = {}, 0
    for seed = 1, 50 do
      local text = explorer.scenario_text(explorer.random_schedule(seed, setting), "")
      texts = texts + (seen[text] and 0 or 1)
      seen[text] = true
    end
    assert.is_true(texts > 40, texts)
  end)

  it("ends with a machine that must start and be seen running", function()
    for _, name in ipairs(CLUSTERS) do
      local setting = explorer.setting(nil, name)
      for seed = 1, 60 do
        local schedule = explorer.random_schedule(seed, setting)
        local last, before = schedule[#schedule], schedule[#schedule - 1]
        assert.same({ "must", "monitor" }, { last[1], last[2] })
        assert.same({ "must", "start", last[3] }, { before[1], before[2], before[3] })
      end
    end
  end)

  it("has its place in a family", function()
    local setting = explorer.setting()
    local seen = {}
    for seed = 1, 3 * random.FAMILY do
      local number, index = random.family_of(seed)
      local one = random.family(number, setting)[index]
      local schedule = explorer.random_schedule(seed, setting)
      local tail = table.move(schedule, #schedule - #one.ending + 1, #schedule, 1, {})
      assert.same(one.ending, tail)
      seen[number .. " " .. index] = true
    end
    for number = 1, 3 do
      for index = 1, random.FAMILY do
        assert.is_true(seen[number .. " " .. index])
      end
    end
  end)
end)

describe("a family", function()
  -- By schedule, how it ends when the family is played as a whole.
  local function played_together(setting, number, wanted)
    local Play, last, ends = getmetatable(player.open(setting)), nil, {}
    local go = Play.go
    Play.go = function(self, events)
      last = self
      return go(self, events)
    end
    finally(function()
      Play.go = go
    end)
    families.play(setting, random.family(number, setting), wanted or all, function(i, problem)
      assert.is_nil(ends[i])
      assert.is_nil(problem)
      ends[i] = { ends = last.ends, world = end_of(last.world) }
    end)
    Play.go = go
    return ends
  end

  it("ends as its schedules do when each is played from its beginning", function()
    for _, name in ipairs(CLUSTERS) do
      local setting = explorer.setting(nil, name)
      for number = 1, 4 do
        local together = played_together(setting, number)
        for i = 1, random.FAMILY do
          local seed = (number - 1) * random.FAMILY + i
          local problem, play = player.play(setting, random.schedule(seed, setting))
          assert.is_nil(problem)
          assert.same({ ends = play.ends, world = end_of(play.world) }, together[i])
        end
      end
    end
  end)

  it("plays those schedules that are wanted, and nothing for the others' sake", function()
    local setting = explorer.setting()
    local whole = played_together(setting, 2)
    local some = played_together(setting, 2, function(i)
      return i % 5 == 0
    end)
    assert.same({ [5] = whole[5], [10] = whole[10] }, some)
  end)

  it("tells what breaks a rule early to each schedule that begins so", function()
    local setting = explorer.setting()
    local family = random.family(1, setting)
    local first = family[1]
    first.events = { { "must", "start", "ms1", { faults = { [1] = "crash before" } } } }
    local expected, found = {}, {}
    for i, one in ipairs(family) do
      expected[i] = (one == first or expected[one.parent]) and "I7" or nil
      expected[one] = expected[i]
    end
    families.play(setting, family, all, function(i, problem)
      found[i] = problem and problem.rule
    end)
    for i, one in ipairs(family) do
      expected[one] = nil
      assert.are.equal(expected[i], found[i])
    end
    assert.are.equal("I7", found[1])
  end)
end)

describe("a schedule that is made short", function()
  it("leaves the one that it was made of as it is", function()
    local setting = explorer.setting({
      start = failover.load_sequence("tests/fixtures/broken/start-undo-missing.lua"),
    })
    local function schedule()
      return {
        { "disk", "ms1" },
        { "start", "ms1", { faults = { [1] = "stop comes", [2000] = "lie" } } },
      }
    end
    local given = schedule()
    local small, same = explorer.shrink(setting, given, explorer.play(setting, given))
    assert.same(schedule(), given)
    assert.are.equal("I4", same.rule)
    assert.same({ { "start", "ms1", { faults = { [1] = "stop comes" } } } }, small)
  end)
end)

describe("a schedule as a scenario", function()
  it("names a fault by its call's number or by what it changes", function()
    local text = explorer.scenario_text({
      { "start", "ms1", { faults = { [10] = "lie", ["eem PUT 1"] = "timeout", [9] = "refuse" } } },
    }, "odd")
    assert.matches('faults = { [9] = "refuse", [10] = "lie", ["eem PUT 1"] = "timeout" }', text, 1,
      true)
  end)
end)

describe("the seeds that are played", function()
  local setting_of = explorer.settings_by_seed()

  local function seeds(first, last, mine)
    local list = {}
    explorer.play_random(setting_of, first, last, function(seed, _, problem)
      assert.is_nil(problem)
      list[#list + 1] = seed
    end, mine)
    table.sort(list)
    return list
  end

  it("are those from the first to the last, wherever families begin", function()
    local list = {}
    for seed = 5, 29 do
      list[#list + 1] = seed
    end
    assert.same(list, seeds(5, 29))
  end)

  it("are each played once by one of several processes", function()
    local odd = seeds(1, 30, function(number)
      return number % 2 == 1
    end)
    local even = seeds(1, 30, function(number)
      return number % 2 == 0
    end)
    table.move(even, 1, #even, #odd + 1, odd)
    table.sort(odd)
    assert.same(seeds(1, 30), odd)
  end)
end)
