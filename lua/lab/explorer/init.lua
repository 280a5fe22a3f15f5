-- The explorer: runs sequences in the simulated cluster with a fault at every single call to the
-- outside, and then random
-- schedules of commands, deaths and faults. Its parts: play (one schedule), situations (a fault
-- at every call; odd_situations has those in which something is not as it seems), oddities (their
-- events), settings (clusters and parameters), random (schedules from a seed, in families),
-- families (plays one of these), shrink (short, and as text).
local families = require("lab.explorer.families")
local player = require("lab.explorer.play")
local random = require("lab.explorer.random")
local shrink = require("lab.explorer.shrink")
local situations = require("lab.explorer.situations")

local M = {
  commands = player.commands,
  setting = require("lab.explorer.settings").setting,
  play = player.play,
  situations = situations.situations,
  ordinary = situations.ordinary,
  single_faults = situations.single_faults,
  random_schedule = random.schedule,
  shrink = shrink.shrink,
  scenario_text = shrink.scenario_text,
}

-- The cluster in which a family of random schedules is played: every third has four nodes and three
-- machines, half of these with cards of one model that are asked for by description.
local function cluster_of(family)
  return family % 6 == 0 and "quad" or family % 6 == 3 and "pool" or "seed"
end

-- The setting of random schedules by seed, of these sequences.
---@return fun(seed: integer): table
function M.settings_by_seed(sequences)
  local settings = {}
  return function(seed)
    local name = cluster_of((random.family_of(seed)))
    settings[name] = settings[name] or M.setting(sequences, name)
    return settings[name]
  end
end

-- Plays the random schedules of the seeds from `first` to `last` in families; fn(seed, setting,
-- problem or nil) for each. `mine(number)` (default: all) says which families are played here.
function M.play_random(setting_of, first, last, fn, mine)
  for number = random.family_of(first), (random.family_of(last)) do
    if not mine or mine(number) then
      local before = (number - 1) * random.FAMILY
      local setting = setting_of(before + 1)
      families.play(setting, random.family(number, setting), function(i)
        return before + i >= first and before + i <= last
      end, function(i, problem)
        fn(before + i, setting, problem)
      end)
    end
  end
end

-- The setting in which a situation is played: that given, or one of the same sequences with the
-- cluster that the situation names.
function M.setting_for(setting, situation)
  return situation.cluster and M.setting(setting.sequences, situation.cluster) or setting
end

-- The first schedule that breaks a rule: without any fault, with one, of a random kind.
local function first_broken(setting, commands, count, list)
  for _, situation in ipairs(list) do
    for _, after in ipairs(commands[situation.command] and situation.after or {}) do
      local schedule, played = situations.clean(situation, after), M.setting_for(setting, situation)
      local found = player.play(played, schedule)
      if found then
        return found, schedule, played
      end
    end
  end
  for _, situation in ipairs(list) do
    local found, bad
    local played = M.setting_for(setting, situation)
    if commands[situation.command] then
      situations.single_faults(played, situation, function(schedule, _, _, problem)
        found, bad = problem, schedule
        return problem
      end)
    end
    if found then
      return found, bad, played
    end
  end
  local found, schedule, played
  M.play_random(M.settings_by_seed(setting.sequences), 1, count, function(seed, its, problem)
    if problem and not found then
      found, schedule, played = problem, random.schedule(seed, its), its
    end
  end)
  return found, schedule, played
end

-- The first violation that turns up, shrunk: { rule, text }, schedule, setting. Nil when `count`
-- random
-- schedules
-- found none either.
-- `list`: situations, by default all.
function M.find(setting, commands, count, list)
  local found, schedule, played = first_broken(setting, commands, count,
    list or situations.situations)
  if found then
    schedule, found = shrink.shrink(played, schedule, found)
  end
  return found, schedule, played
end

return M
