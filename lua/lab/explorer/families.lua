-- Plays a family of random schedules (random.lua) with what they have in common played once: where
-- a schedule is carried on, the simulated cluster is copied.
local player = require("lab.explorer.play")

local M = {}

-- By schedule, those that carry it on and are wanted, or lead to one that is.
local function children_of(family, wanted)
  local children = {}
  for i = #family, 1, -1 do
    local one = family[i]
    if wanted(i) or children[one] then
      local list = children[one.parent] or {}
      children[one.parent] = list
      table.insert(list, 1, one)
    end
  end
  return children
end

-- Plays those schedules of a family for which wanted(number) holds; fn(number, problem) for each,
-- with nil where every rule holds, and otherwise what Play:go gives. What breaks a rule before a
-- schedule goes its own way is the problem of each that has it in common.
function M.play(setting, family, wanted, fn)
  local numbers, children = {}, children_of(family, wanted)
  for i, one in ipairs(family) do
    numbers[one] = i
  end
  local function tell(one, problem)
    if wanted(numbers[one]) then
      fn(numbers[one], problem)
    end
  end
  local function give_up(one, problem)
    tell(one, problem)
    for _, child in ipairs(children[one] or {}) do
      give_up(child, problem)
    end
  end
  local function visit(one, play)
    local problem = play:go(one.events)
    if problem then
      return give_up(one, problem)
    end
    for _, child in ipairs(children[one] or {}) do
      visit(child, play:branch())
    end
    if wanted(numbers[one]) then
      tell(one, play:go(one.ending))
    end
  end
  local start = player.open(setting)
  for _, one in ipairs(children[family[1].parent] or {}) do
    visit(one, start:branch())
  end
end

return M
