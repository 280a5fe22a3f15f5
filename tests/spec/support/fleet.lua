-- The inventory of the simulated fleet (lua/lab/clusters/fleet.lua), read with the natives of the
-- simulator on virtual time, with examples/fleet.lua as its parameters.
--
--   local situation, context = require("support.fleet").read { devices = { ... }, admin = { ... } }
local context = require("failover.engine.context")
local fs = require("fs")
local inprocess = require("lab.direct")
local inventory = require("failover.inventory")
local parameters = require("failover.parameters")
local quarantine = require("failover.devices.quarantine")
local scheduler = require("core.scheduler")
local virtual_clock = require("core.virtual_clock")
local world = require("lab.world")

local M = {}

M.A1, M.A2, M.A3, M.A4 = "0x8cdf9d920101", "0x8cdf9d920102", "0x8cdf9d920103", "0x8cdf9d920104"
M.B1, M.B2, M.B3, M.B4 = "0x8cdf9d920201", "0x8cdf9d920202", "0x8cdf9d920203", "0x8cdf9d920204"
M.C1, M.C2 = "0x743a65930301", "0x743a65930302"

-- The parameters, checked; `edit` changes the text before.
function M.parameters(edit)
  local text = fs.read("examples/fleet.lua")
  local checked, mistakes = parameters.check(edit and edit(text) or text, "fleet.lua")
  if not checked then
    error(mistakes[1].text, 0)
  end
  checked.quarantine = checked.quarantine or { first = 600, most = 86400 }
  return checked
end

-- options: those of lab.world (devices, vms, nodes, switches, latency), and edit (see parameters),
-- admin (list of { verb, arguments } that happen first), read (options of inventory.read), node,
-- quarantined (list of entries), fault (a rule), cluster, after (seconds), before
-- (function of the world, called in a task).
---@return Situation situation, table seen { calls = list, world = World, took = seconds }
function M.read(options)
  options = options or {}
  local made, seen, situation
  local clock = virtual_clock.new(100, {
    next_event = function()
      return made and made:next_event()
    end,
    advance = function()
      made:advance()
    end,
  })
  made = world.new({
    clock = clock, cluster = options.cluster or require("lab.clusters.fleet"),
    devices = options.devices, vms = options.vms, nodes = options.nodes,
    switches = options.switches, latency = options.latency,
  })
  for _, order in ipairs(options.admin or {}) do
    made:admin(order[1], order[2])
  end
  if options.fault then
    made.faults:add(options.fault)
  end
  local calls = {}
  local ok, failed = scheduler.with_driver(clock, function()
    scheduler.sleep(options.after or 0)
    if options.before then
      options.before(made)
    end
    local c = context.open({
      parameters = M.parameters(options.edit), node = options.node or "ms1",
      natives = inprocess.natives(made, {
        by = "spec", node = "ms1", count = 0, kill = function() end,
      }),
      secret = function()
        return "secret"
      end,
      quarantine = quarantine.in_memory(options.quarantined
        and require("json").encode(require("json").array(options.quarantined))),
      wall = function()
        return 1800000000 + clock.now()
      end,
    })
    c.observer.call = function(_, record)
      calls[#calls + 1] = record
    end
    local began = clock.now()
    situation = inventory.read(c, options.read)
    seen = { calls = calls, world = made, took = clock.now() - began }
  end)
  if not ok then
    error(failed, 0)
  end
  return situation, seen
end

---- with real processes --------------------------------------------------------------------------

local Site = {}
Site.__index = Site

-- A lab of the fleet over HTTP, and a directory with its parameters; edit as above.
function M.site(edit, options)
  local given = { cluster = "fleet" }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  local self = setmetatable({
    lab = require("support.lab").start(given), directory = require("cli.folder").temporary(),
  }, Site)
  self:parameters(edit)
  return self
end

function Site:parameters(edit)
  local text = fs.read("examples/fleet.lua")
  text = text:gsub('"http://192[^\n]*"eem" },', ('"%s", auth = "none" },'):format(self.lab.eem_url))
  text = text:gsub("\n  wmi = [^\n]*", "")
  for name, node in pairs(self.lab.nodes) do
    text = text:gsub("(" .. name .. " = {[^\n]-)address = [^,]*", function(before)
      return ('%swmi = { url = "%s" }'):format(before, node.url)
    end)
  end
  fs.write(self.directory .. "/parameters.lua", edit and edit(text) or text)
end

-- Runs `takeover ...`; gives its exit code, stdout and stderr.
function Site:run(...)
  local options = {
    os.getenv("TAKEOVER_EXE") or require("lfs").symlinkattributes("/proc/self/exe").target,
    timeout = 30,
    env = {
      TAKEOVER_PARAMETERS = self.directory .. "/parameters.lua", TAKEOVER_NODE = false,
      TAKEOVER_STATE = self.directory .. "/state", CLP_EVENT = false, CLP_DISK = false,
    },
  }
  local result = require("process").run(table.move({ ... }, 1, select("#", ...), 2, options))
  return result.code, result.stdout, result.stderr
end

-- The JSON document that a command prints.
function Site:json(...)
  local code, out, err = self:run("--json", ...)
  return require("json").decode(out), code, err
end

function Site:close()
  self.lab:stop()
  require("cli.folder").remove(self.directory)
end

---- looking things up -----------------------------------------------------------------------------

function M.find(list, field, value)
  for _, one in ipairs(list) do
    if one[field] == value then
      return one
    end
  end
end

function M.device(situation, id)
  return M.find(situation.devices, "id", id)
end

function M.vm(situation, key)
  return M.find(situation.vms, "key", key)
end

return M
