-- Runs inside takeover.exe: starts and stops a virtual machine again and again in one process,
-- with everything opened and closed each time, and prints after each cycle what the test provider
-- counts.
--   com_cycles.lua PARAMETERS NODE CYCLES SECONDS COUNTS     the lesser of cycles and seconds
-- Prints "cycle key=number ..." lines; raises when a start or stop fails.
local context = require("failover.engine.context")
local engine = require("failover.engine")
local failover = require("failover")
local fs = require("fs")
local parameters = require("failover.parameters")
local quarantine = require("failover.devices.quarantine")
local scheduler = require("core.scheduler")

local LEAST = 12 -- cycles, however slow the computer is

local path, node, cycles, seconds, counts = ...

local quiet = setmetatable({}, { -- a journal that keeps nothing
  __index = function()
    return function()
      return 1
    end
  end,
})

local function run(command, site)
  local c = context.open({
    parameters = site, vm = "vme2", node = node, ecx = {}, journal = quiet,
    quarantine = quarantine.in_memory(),
  })
  local result = engine.run({ sequence = failover.load_sequence(command), context = c,
    command = command, deadline = 60 })
  c:close()
  if result.state ~= "succeeded" then
    error(("%s: %s %s"):format(command, result.state, tostring(result.failure)), 0)
  end
end

local began = scheduler.now()
for i = 1, tonumber(cycles) do
  for _, command in ipairs({ "start", "stop" }) do
    run(command, parameters.load(path, { trust_writable_files = true }))
  end
  collectgarbage()
  collectgarbage()
  local lua_kib = math.floor(collectgarbage("count"))
  print(i, (fs.read(counts):gsub("\n", " ")), ("lua=%d"):format(lua_kib))
  io.stdout:flush()
  if i >= LEAST and scheduler.now() - began > tonumber(seconds) then
    break
  end
end
