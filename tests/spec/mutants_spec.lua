-- Sequences that are broken on purpose: each must be caught, by a schedule that a person can
-- read. A mutant that
-- survives is a hole in the explorer.
local explorer = require("lab.explorer")
local failover = require("failover")
local fs = require("fs")

local FOLDER = "tests/fixtures/broken"
local SOME = 300 -- random schedules, when no single fault is enough

describe("the explorer", function()
  for _, name in ipairs(fs.list(FOLDER)) do
    it("catches " .. name, function()
      local command = name:match("^%a+")
      local sequence = failover.load_sequence(FOLDER .. "/" .. name)
      local setting = explorer.setting({ [command] = sequence })
      local found, schedule, played = explorer.find(setting, { [command] = true }, SOME,
        explorer.ordinary)
      assert(found, "it survives")
      assert.truthy(#schedule <= 10, "it takes " .. #schedule .. " events")
      -- What was found is repeatable, and is no fault of the shipped sequences.
      assert.equal(found.rule, explorer.play(played, schedule).rule)
      assert.is_nil((explorer.play(explorer.setting(nil, played.name), schedule)))
    end)
  end

  it("finds nothing in the shipped sequences with some random schedules", function()
    for _, name in ipairs({ "seed", "quad", "pool" }) do
      local setting = explorer.setting(nil, name)
      local function always()
        return setting
      end
      explorer.play_random(always, 1, SOME // 3, function(seed, _, found)
        assert(not found, found and name .. " " .. seed .. ": " .. found.text)
      end)
    end
  end)
end)
