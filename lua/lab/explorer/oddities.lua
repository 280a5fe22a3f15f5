-- Events of a schedule in which the world is not as it seems: a node that is silent or answers for
-- another one, a machine that is shown in another state, a board whose power is shown wrongly, a
-- machine that somebody has started by hand. Each with the line of a scenario that does the same.
local M = { events = {}, lines = {} }

local HAND = { start = 2, ["turn off"] = 3 } -- RequestStateChange

local function set_fault(world, name, rule)
  world.oddities = world.oddities or {}
  if world.oddities[name] then
    world:admin("remove fault", { id = world.oddities[name] })
    world.oddities[name] = nil
  end
  if rule then
    world.oddities[name] = world:admin("add fault", rule).id
  end
end

-- { "silent", node, yes }: nobody answers there, but what runs there runs on.
function M.events.silent(play, node, yes)
  set_fault(play.world, "silent " .. node,
    yes and { target = node, match = {}, effect = "silence" } or nil)
end

function M.lines.silent(node, yes)
  return yes and ('partition("%s")'):format(node) or "heal()"
end

-- { "forgets", target, rows }: its lists lack these rows; nil: they have them again.
function M.events.forgets(play, target, rows)
  set_fault(play.world, "forgets " .. target,
    rows and { target = target, match = {}, effect = "short", rows = rows } or nil)
end

function M.lines.forgets(target, rows)
  if type(rows) == "table" then
    return ('forget("%s", "%s")'):format(rows[1], target)
  end
  return rows and ('fault { target = "%s", effect = "short", rows = "%s" }'):format(target, rows)
    or "heal()"
end

-- { "shows", node, EnabledState or nil, vm }: the machine is shown in this state.
function M.events.shows(play, node, number, vm)
  local registered = play.world.invariants:vm_truth(vm or "vme2").registered
  for _, place in ipairs(registered) do
    if place.node == node then
      play.world:admin("shows", { node = node, vm = vm or "vme2", enabled_state = number })
    end
  end
end

function M.lines.shows(node, number, vm)
  return ('shows("%s", "%s"%s)'):format(vm or "vme2", node,
    number and (", { enabled_state = %d }"):format(number) or "")
end

-- { "answers as", node, other or nil }
M.events["answers as"] = function(play, node, other)
  play.world:admin("answers as", { node = node, as = other })
end

M.lines["answers as"] = function(node, other)
  return ('answers_as("%s"%s)'):format(node, other and (', "%s"'):format(other) or "")
end

-- { "board", node, "on" or "off" or nil }: what ExpEther Manager shows of its power.
function M.events.board(play, node, power)
  play.world:admin("board", { node = node, shown = power })
end

function M.lines.board(node, power)
  return ('admin("board", { node = "%s"%s })'):format(node,
    power and (', shown = "%s"'):format(power) or "")
end

-- { "hand", "start" or "turn off", node, vm }
function M.events.hand(play, verb, node, vm)
  for _, known in ipairs(play.world.vm_list) do
    if known.name == (vm or "vme2") then
      play.world.by = "administrator"
      play.world:node(node).hyperv:request_state(known.id, HAND[verb])
    end
  end
end

function M.lines.hand(verb, node, vm)
  return ('by_hand("%s", "%s", "%s")'):format(verb, vm or "vme2", node)
end

-- { "guest is", { heartbeat = 3, ... } }: as admin("guest") has it.
M.events["guest is"] = function(play, settings)
  local arguments = { vm = "vme2" }
  for name, value in pairs(settings) do
    arguments[name] = value
  end
  play.world:admin("guest", arguments)
end

M.lines["guest is"] = function(settings)
  local parts = { 'vm = "vme2"' }
  for name, value in pairs(settings) do
    parts[#parts + 1] = ("%s = %s"):format(name, tostring(value))
  end
  table.sort(parts)
  return ('admin("guest", { %s })'):format(table.concat(parts, ", "))
end

return M
