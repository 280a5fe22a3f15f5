-- Makes a schedule that breaks a rule short, and writes it down for people.
local graph = require("graph")
local oddities = require("lab.explorer.oddities")
local player = require("lab.explorer.play")

local M = {}

local VM = "vme2"

-- A shorter schedule that breaks the same rule: events and faults are left out as long as it
-- still does. The schedule that is given stays as it is: others have events in common with it.
function M.shrink(setting, schedule, problem)
  local function pattern(text)
    return (text:gsub("%d+", "#"))
  end
  local wanted = pattern(problem.text)
  local function still(candidate) -- the same wrong, not just another one of the same rule
    local other = player.play(setting, candidate)
    return other and other.rule == problem.rule and pattern(other.text) == wanted and other
  end
  local smaller = true
  schedule = graph.copy(table.move(schedule, 1, math.min(#schedule, problem.at), 1, {}))
  while smaller do
    smaller = false
    for i = #schedule, 1, -1 do
      local candidate = table.move(schedule, 1, #schedule, 1, {})
      table.remove(candidate, i)
      local other = still(candidate)
      if other then
        schedule, problem, smaller = candidate, other, true
      end
    end
    for _, event in ipairs(schedule) do
      local options = event[event[1] == "never" and 4 or 3]
      if type(options) == "table" and options.faults then
        for call, effect in pairs(options.faults) do
          options.faults[call] = nil
          local other = still(schedule)
          if other then
            problem, smaller = other, true
          else
            options.faults[call] = effect
          end
        end
        if not next(options.faults) then
          options.faults = nil
        end
      end
    end
  end
  return schedule, problem
end

-- The fault of a call, which is named by its number or as a change ("eem PUT 1").
local function fault_text(call, effect)
  return string.format(type(call) == "number" and "[%d] = %q" or "[%q] = %q", call, effect)
end

local function options_text(options)
  local parts = {}
  for _, key in ipairs({ "event", "evidence" }) do
    if options and options[key] then
      parts[#parts + 1] = string.format("%s = %q", key, options[key])
    end
  end
  if options and options.faults then
    local calls, faults = {}, {}
    for call in pairs(options.faults) do
      calls[#calls + 1] = call
    end
    table.sort(calls, function(a, b) -- numbers first
      if type(a) == type(b) then
        return a < b
      end
      return type(a) == "number"
    end)
    for i, call in ipairs(calls) do
      faults[i] = fault_text(call, options.faults[call])
    end
    parts[#parts + 1] = "faults = { " .. table.concat(faults, ", ") .. " }"
  end
  return #parts > 0 and ", { " .. table.concat(parts, ", ") .. " }" or ""
end

local texts = {
  kill = 'kill "%s"', boot = 'boot "%s"', wait = "wait(%s)",
  guest = 'admin("guest", { vm = "vme2", %s = true })', eem = 'admin("eem", { up = %s })',
}

local function machine(options)
  return options and options.vm or VM
end

local function add_lines(lines, schedule, word)
  for _, event in ipairs(schedule) do
    local name = event[1]
    if name == "must" then
      lines[#lines + 1] = string.format('expect(%s("%s", "%s"%s), { exit = "ok" })', event[2],
        machine(event[4]), event[3], options_text(event[4]))
    elseif name == "never" then
      lines[#lines + 1] = string.format('%s("%s", "%s"%s) -- must not be ok', event[2],
        machine(event[4]), event[3], options_text(event[4]))
    elseif name == "disk" then
      lines[#lines + 1] = string.format('move_disk("%s", "%s")', event[2], event[3] or "G:")
    elseif name == "together" or name == "race" then
      lines[#lines + 1] = "-- at the same time:"
      add_lines(lines, event[2], "launch")
    elseif oddities.lines[name] then
      lines[#lines + 1] = oddities.lines[name](table.unpack(event, 2))
    elseif name == "kill" and event[3] then
      lines[#lines + 1] = ('admin("kill", { node = "%s", board = "on" })'):format(event[2])
    elseif texts[name] then
      lines[#lines + 1] = string.format(texts[name], tostring(event[2]))
    elseif word then
      lines[#lines + 1] = string.format('launch("%s", "%s", "%s"%s)', name, machine(event[3]),
        event[2], options_text(event[3]))
    else
      lines[#lines + 1] = string.format('%s("%s", "%s"%s)', name, machine(event[3]), event[2],
        options_text(event[3]))
    end
  end
end

-- The lines of a scenario that does the same (for the seed cluster, which scenarios play in).
function M.scenario_text(schedule, title)
  local lines = { string.format("story %q", title), "" }
  add_lines(lines, schedule)
  return table.concat(lines, "\n") .. "\n"
end

return M
