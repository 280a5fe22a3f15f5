-- The explorer: runs sequences in the simulated cluster with a fault at every single call to the
-- outside, and then random
-- schedules of commands, deaths and faults. Its parts: play (one schedule), situations (a fault
-- at every call), random
-- (schedules from a seed), shrink (short, and as text).
local player = require("lab.explorer.play")
local random = require("lab.explorer.random")
local shrink = require("lab.explorer.shrink")
local situations = require("lab.explorer.situations")

local M = {
  commands = player.commands,
  setting = player.setting,
  play = player.play,
  situations = situations.situations,
  single_faults = situations.single_faults,
  random_schedule = random.schedule,
  shrink = shrink.shrink,
  scenario_text = shrink.scenario_text,
}

-- The cluster in which the random schedule of a seed is played: every third has four nodes and
-- three machines, half of these with cards of one model that are asked for by description.
function M.cluster_of(seed)
  return seed % 6 == 0 and "quad" or seed % 6 == 3 and "pool" or "seed"
end

-- The setting of random schedules by seed, of these sequences.
---@return fun(seed: integer): table
function M.settings_by_seed(sequences)
  local settings = {}
  return function(seed)
    local name = M.cluster_of(seed)
    settings[name] = settings[name] or M.setting(sequences, name)
    return settings[name]
  end
end

-- The setting in which a situation is played: that given, or one of the same sequences with the
-- cluster that the situation names.
function M.setting_for(setting, situation)
  return situation.cluster and M.setting(setting.sequences, situation.cluster) or setting
end

-- The first schedule that breaks a rule: without any fault, with one, of a random kind.
local function first_broken(setting, commands, count)
  for _, situation in ipairs(situations.situations) do
    for _, after in ipairs(commands[situation.command] and situation.after or {}) do
      local schedule, played = situations.clean(situation, after), M.setting_for(setting, situation)
      local found = player.play(played, schedule)
      if found then
        return found, schedule, played
      end
    end
  end
  for _, situation in ipairs(situations.situations) do
    local found, bad
    local played = M.setting_for(setting, situation)
    if commands[situation.command] then
      situations.single_faults(played, situation, function(schedule, _, _, problem)
        if not found then
          found, bad = problem or player.play(played, schedule), schedule
        end
      end)
    end
    if found then
      return found, bad, played
    end
  end
  local setting_of = M.settings_by_seed(setting.sequences)
  for seed = 1, count do
    local played = setting_of(seed)
    local schedule = random.schedule(seed, played)
    local found = player.play(played, schedule)
    if found then
      return found, schedule, played
    end
  end
end

-- The first violation that turns up, shrunk: { rule, text }, schedule, setting. Nil when `count`
-- random
-- schedules
-- found none either.
function M.find(setting, commands, count)
  local found, schedule, played = first_broken(setting, commands, count)
  if found then
    schedule, found = shrink.shrink(played, schedule, found)
  end
  return found, schedule, played
end

return M
