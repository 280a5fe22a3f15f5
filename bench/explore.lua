-- How much processor time the explorer takes for one random schedule. For bench/run:
--
--   takeover run bench/explore.lua [schedules]
--
-- Processor time, not time on the clock: other work on the machine makes schedules later, not
-- dearer (though a shared cache still costs). The ratio to a plain Lua loop, measured before and
-- after, takes the speed of the machine out.
local explorer = require("lab.explorer")

local GOAL = 100000 -- schedules a minute on two cores
local ROUNDS = 10000000

-- Processor time of calls and table accesses, seconds for ROUNDS.
local function plain_loop()
  local function add(t, by)
    t.sum = t.sum + by
    return t
  end
  local t, began = { sum = 0 }, os.clock()
  for i = 1, ROUNDS do
    t = add(t, i)
  end
  return os.clock() - began
end

local setting_of = explorer.settings_by_seed()

-- As `takeover certify` does it. Gives the seconds.
local function play(first, last)
  local began = os.clock()
  explorer.play_random(setting_of, first, last, function(seed, _, problem)
    assert(not problem, problem and "seed " .. seed .. ": " .. problem.text)
  end)
  return os.clock() - began
end

local count = tonumber((...) or arg and arg[1]) or 1000
play(1, 50) -- everything is loaded then
local before = plain_loop()
local seconds = play(1, count)
local loop = math.min(before, plain_loop())
local each = seconds / count

print(("%.2f ms of processor time per random schedule, mean of %d"):format(each * 1e3, count))
print(("as much as %.0f rounds of a plain Lua loop"):format(each / (loop / ROUNDS)))
print(("two cores: %.0f schedules a minute, %.2f of the goal of %d"):format(120 / each,
  120 / each / GOAL, GOAL))
