-- The cluster of a scenario: the shipped one, with what the scenario lays over it, and the
-- parameters that go with it, which are checked as an administrator's file is.
local parameters = require("failover.parameters")
local suggestion = require("failover.parameters.schema").suggestion
local world = require("lab.world")

local M = {}

local function base_parameters()
  return {
    eem = {
      url = "http://192.168.0.150:30500/eem", user = "admin", password = { secret = "eem" },
    },
    nodes = {
      ms1 = { group_id = 50, address = "192.168.0.130", board = "0x8cdf9d911c01" },
      ms2 = { group_id = 150, address = "192.168.0.200", board = "0x8cdf9d911c02" },
    },
    devices = { ["0x8cdf9d911c60"] = { name = "gpu1", labels = { purpose = "training" } } },
    vms = {
      vme2 = {
        path = [[G:\Hyper-V\vme2]], group = "Failover-vme2", gpus = { { id = "0x8cdf9d911c60" } },
        mmio = { low = "3GiB", high = "33280MiB" },
      },
    },
  }
end

-- Lays one plain table over another. A list replaces a list.
local function overlay(base, changes)
  for key, value in pairs(changes) do
    if type(value) == "table" and type(base[key]) == "table" and #value == 0 then
      overlay(base[key], value)
    else
      base[key] = value
    end
  end
  return base
end

-- A plain table as Lua text.
local function written(value)
  if type(value) == "string" then
    return string.format("%q", value)
  elseif type(value) ~= "table" then
    return tostring(value)
  end
  local parts, names = {}, {}
  for key in pairs(value) do
    names[#names + 1] = key
  end
  table.sort(names, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for _, key in ipairs(names) do
    parts[#parts + 1] = string.format("[%s] = %s", written(key), written(value[key]))
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- The parameters alone.
function M.parameters(options, complain)
  local given = options.parameters
  local text = given
  if type(given) ~= "string" then
    local all = overlay(base_parameters(), given or {})
    overlay(all.vms.vme2, options.vm or {})
    text = "return " .. written(all)
  end
  local checked, mistakes = parameters.check(text, "parameters.lua")
  if not checked then
    local texts = {}
    for i, mistake in ipairs(mistakes) do
      texts[i] = mistake.text
    end
    complain("the scenario's parameters: %s", table.concat(texts, "; "))
  end
  return checked
end

-- A cluster's definition with more entries in its lists.
local function with_more(base, more, complain)
  if not more then
    return base
  end
  local definition = {}
  for key, value in pairs(base) do
    definition[key] = value
  end
  for key, entries in pairs(more) do
    if type(definition[key]) ~= "table" then
      complain("more has no list %q%s", tostring(key),
        suggestion(key, { "nodes", "devices", "vms", "disks" }))
    end
    definition[key] = table.move(definition[key], 1, #definition[key], 1, {})
    table.move(entries, 1, #entries, #definition[key] + 1, definition[key])
  end
  return definition
end

local KNOWN = {
  "base", "more", "nodes", "devices", "vms", "latency", "switches", "parameters", "vm",
}

-- Other latencies than the usual ones, those apart that the scenario says itself: each takes
-- between half and twice as long, and each call up to 50 ms, so that branches overlap otherwise.
-- `random`: n -> 1..n.
local function vary(latency, told, random)
  local names = {}
  for name in pairs(latency) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local luck = (random(2001) - 1001) / 1000 -- -1..1
    if told[name] == nil and name ~= "job_kept" then
      latency[name] = name == "answer" and (luck + 1) * 0.025 or latency[name] * 2 ^ luck
    end
  end
end

-- Gives the world and the parameters. `complain(format, ...)` raises with the scenario's line;
-- `random`, if given, varies what the scenario does not say.
function M.build(options, clock, complain, random)
  for key in pairs(options) do
    local known = false
    for _, name in ipairs(KNOWN) do
      known = known or name == key
    end
    if not known then
      complain("cluster has no field %q%s", tostring(key), suggestion(key, KNOWN))
    end
  end
  local base = type(options.base) == "table" and options.base
    or require("lab.clusters." .. (options.base or "seed"))
  local ok, made = pcall(world.new, {
    clock = clock, cluster = with_more(base, options.more, complain), nodes = options.nodes,
    devices = options.devices, vms = options.vms or { vme2 = { prepared = true } },
    latency = options.latency, switches = options.switches,
  })
  if not ok then
    complain("%s", tostring(made))
  end
  if random and options.latency ~= 0 then
    vary(made.latency, options.latency or {}, random)
  end
  return made, M.parameters(options, complain)
end

return M
