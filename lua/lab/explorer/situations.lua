-- A fault at every call: in which situations each command is explored, and what follows the fault.
local player = require("lab.explorer.play")

local M = {}

-- How a command comes about, and what follows it: the same node again, or the other node.
M.situations = {
  -- whoever won or died: both are put in order, and either can start
  {
    name = "two start with the last device", command = "start", node = "ms2", cluster = "rivals",
    options = { vm = "vme3" }, rivals = { { "start", "ms1" } },
    effects = { "crash before", "crash after", "timeout", "timeout after", "refuse", "lie",
      "garbage", "stop comes", "slow", "slow after" },
    before = {},
    after = {
      {
        { "stop", "ms2", { vm = "vme3" } }, { "stop", "ms1" }, { "must", "start", "ms1" },
        { "must", "monitor", "ms1" },
      },
      {
        { "stop", "ms1" }, { "stop", "ms2", { vm = "vme3" } },
        { "must", "start", "ms2", { vm = "vme3" } }, { "must", "monitor", "ms2", { vm = "vme3" } },
      },
    },
  },
  -- the only card is in the settings of a machine whose start was killed
  {
    name = "start after a killed one", command = "start", node = "ms1",
    cluster = "rivals", options = { vm = "vme3" },
    before = {
      { "disk", "ms1", "H:" },
      { "start", "ms1", { faults = { ["ms1 RequestStateChange 1"] = "crash before" } } },
    },
    after = {
      {
        { "must", "start", "ms1", { vm = "vme3" } }, { "must", "monitor", "ms1", { vm = "vme3" } },
      },
      {
        { "must", "stop", "ms1", { vm = "vme3" } }, { "must", "start", "ms1" },
        { "must", "monitor", "ms1" },
      },
    },
  },
  {
    name = "start on the first node", command = "start", node = "ms1", before = {},
    after = {
      { { "must", "start", "ms1" }, { "must", "monitor", "ms1" } },
      {
        { "kill", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2", { event = "failover" } },
        { "must", "monitor", "ms2" }, { "boot", "ms1" }, { "must", "recover", "ms1" }, { "must",
          "monitor", "ms2" },
      },
      { { "must", "stop", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2" }, { "must",
        "monitor", "ms2" } },
    },
  },
  {
    name = "start after a planned move", command = "start", node = "ms2",
    before = { { "must", "start", "ms1" }, { "must", "stop", "ms1" }, { "disk", "ms2" } },
    after = {
      { { "must", "start", "ms2" }, { "must", "monitor", "ms2" } },
      { { "must", "stop", "ms2" }, { "disk", "ms1" }, { "must", "start", "ms1" }, { "must",
        "monitor", "ms1" } },
    },
  },
  {
    name = "start after a failover", command = "start", node = "ms2",
      options = { event = "failover" },
    before = { { "must", "start", "ms1" }, { "kill", "ms1" }, { "disk", "ms2" } },
    after = {
      { { "must", "start", "ms2", { event = "failover" } }, { "must", "monitor", "ms2" } },
      {
        { "boot", "ms1" }, { "must", "recover", "ms1" }, { "must", "start", "ms2" }, { "must",
          "monitor", "ms2" },
      },
      { { "kill", "ms2" }, { "boot", "ms1" }, { "disk", "ms1" }, { "must", "start", "ms1",
        { event = "failover" } } },
    },
  },
  {
    name = "start while it runs elsewhere", command = "start", node = "ms2",
    before = { { "must", "start", "ms1" }, { "disk", "ms2" } },
    after = { { { "stop", "ms1" }, { "wait", 60 }, { "must", "start", "ms2" }, { "must", "monitor",
      "ms2" } } },
  },
  {
    name = "stop", command = "stop", node = "ms1", before = { { "must", "start", "ms1" } },
    after = {
      { { "must", "stop", "ms1" }, { "must", "start", "ms1" }, { "must", "monitor", "ms1" } },
      { { "must", "stop", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2" }, { "must",
        "monitor", "ms2" } },
      { { "kill", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2", { event = "failover" } } },
    },
  },
  {
    name = "prepare", command = "prepare", node = "ms1", before = {},
    after = {
      { { "must", "prepare", "ms1" }, { "must", "start", "ms1" } },
      { { "must", "prepare", "ms2" }, { "must", "start", "ms1" }, { "must", "monitor", "ms1" } },
    },
  },
  {
    name = "prepare on the other node", command = "prepare", node = "ms2", before = { { "must",
      "prepare", "ms1" } },
    after = { { { "must", "prepare", "ms2" }, { "must", "start", "ms1" }, { "must", "monitor",
      "ms1" } } },
  },
  {
    name = "recover", command = "recover", node = "ms1",
    before = {
      { "must", "start", "ms1" }, { "kill", "ms1" }, { "disk", "ms2" }, { "must", "start", "ms2",
        { event = "failover" } },
      { "boot", "ms1" },
    },
    after = { { { "must", "recover", "ms1" }, { "must", "monitor", "ms2" }, { "must", "stop",
      "ms2" } } },
  },
  {
    name = "monitor", command = "monitor", node = "ms1", before = { { "must", "start", "ms1" } },
    after = { { { "must", "monitor", "ms1" } } },
  },
}

-- Those in which everything is as it seems, and all of them.
local odd = require("lab.explorer.odd_situations")
M.ordinary = M.situations
M.situations = table.move(M.ordinary, 1, #M.ordinary, 1, {})
table.move(odd, 1, #odd, #M.situations + 1, M.situations)

local function joined(...)
  local list = {}
  for _, part in ipairs({ ... }) do
    table.move(part, 1, #part, #list + 1, list)
  end
  return list
end

-- Faults under which what must be refused may be done all the same: a node that does not answer
-- cannot say that it has the machine.
local EXCUSES = { silence = true, timeout = true, ["timeout after"] = true }

local function is_excused(faults)
  local _, effect = next(faults or {})
  return EXCUSES[effect] or false
end

local function event_of(situation, faults)
  local options = {}
  for key, value in pairs(situation.options or {}) do
    options[key] = value
  end
  options.faults = faults
  local event = { situation.command, situation.node, options }
  if situation.refused and not is_excused(faults) then
    table.insert(event, 1, "never")
  end
  return situation.rivals and { "race", joined({ event }, situation.rivals) } or event
end

-- The schedule of a situation without any fault.
function M.clean(situation, after)
  return joined(situation.before, { event_of(situation) }, after)
end

-- What can happen at a call of a kind in a situation.
local function effects_of(situation, kind)
  local list, except = {}, situation.except or {}
  local all = joined(situation.effects or player.effects, player.quiet_effects[kind])
  for _, effect in ipairs(all) do
    list[#list + 1] = not except[effect] and effect or nil
  end
  return list
end

-- Plays every schedule with one fault in one situation: what comes before the fault once, then from
-- there. fn(schedule, call's number, effect, problem or nil) for each; true ends it. `mine(number)`
-- (default: all) says which faults are played here. Gives the number of calls; where a rule is
-- broken even without a fault that is all that is told, as call 0.
function M.single_faults(setting, situation, fn, mine)
  local before = player.open(setting)
  local problem = before:go(situation.before)
  local clean = before:branch()
  clean.wants_kinds = true
  problem = problem or clean:go({ event_of(situation) })
  if problem then
    fn(joined(situation.before, { event_of(situation) }), 0, "no fault", problem)
    return 0
  end
  -- Whether to go on after this fault.
  local function play_fault(call, effect)
    local event = event_of(situation, { [call] = effect })
    local struck = before:branch()
    local early = struck:go({ event })
    for _, after in ipairs(situation.after) do
      local found = early or struck:branch():go(after)
      if fn(joined(situation.before, { event }, after), call, effect, found) then
        return false
      end
    end
    return true
  end
  local number = 0
  for call = 1, math.min(clean.calls, situation.most or clean.calls) do
    for _, effect in ipairs(effects_of(situation, clean.kinds[call])) do
      -- what monitor says after a stop is another answer, not a wrong one
      if effect ~= "stop comes" or situation.command ~= "monitor" then
        number = number + 1
        if (not mine or mine(number)) and not play_fault(call, effect) then
          return clean.calls
        end
      end
    end
  end
  return clean.calls
end

return M
