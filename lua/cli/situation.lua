-- For the commands that show what there is: reads the inventory and says what could not be seen.
local failure = require("failure")
local loop = require("loop")
local output = require("cli.output")
local session = require("cli.session")

local M = {}

-- Opens a session and reads the inventory. A management station is no node: any node's view will do
-- to ask from. `options` are those of failover.inventory.read. Raises CONFIG; gives nil where
-- ExpEther Manager does not answer, which was said then.
---@return Situation? situation, Session session
function M.read(arguments, program, options)
  local s = session.open(arguments, program)
  local named, here = loop.guard(s.node, s)
  if not named then
    if arguments.node or os.getenv("TAKEOVER_NODE") then
      error(here, 0) -- it was meant, and misspelt
    end
    here = require("failover.parameters.schema").sorted_keys(s.parameters.nodes)[1]
  end
  local c = s:context(nil, { node = here })
  options.drained = require("cli.drained").read(s.state)
  if require("fs").find(s.parameters.journal) then
    local opened, journal = loop.guard(s.journal, s, true)
    options.costs = opened and require("failover.devices.attach_history").from(journal) or nil
    if opened then
      journal:close()
    end
  end
  local ok, situation = loop.guard(require("failover.inventory").read, c, options)
  c:close()
  if not ok and not (failure.is(situation) and situation.source == "eem") then
    error(situation, 0)
  elseif not ok then
    output.complain("takeover: " .. tostring(situation))
    output.document({ state = "unknown", failure = {
      code = situation.code, message = situation.message, hint = situation.hint,
    } })
    return nil, s
  end
  for _, list in ipairs({ c.warnings, situation.warnings }) do
    for _, warning in ipairs(list) do
      output.complain(output.paint("warning: ", "yellow") .. warning)
    end
  end
  return situation, s
end

---- filters ---------------------------------------------------------------------------------------

-- { "purpose=training" } as a table; raises USAGE.
---@return table<string, string>
function M.labels(list)
  local labels = {}
  for _, text in ipairs(list or {}) do
    local name, value = text:match("^([^=]+)=(.+)$")
    if not name then
      failure.raise({
        code = "USAGE", message = ('--label wants NAME=VALUE, not "%s"'):format(text),
      })
    end
    labels[name] = value
  end
  return labels
end

-- The name of a node as parameters.lua has it; raises CONFIG with the nearest one.
function M.node(s, name)
  local schema = require("failover.parameters.schema")
  local known = schema.sorted_keys(s.parameters.nodes)
  for _, one in ipairs(known) do
    if name and one:lower() == name:lower() then
      return one
    end
  end
  if name then
    failure.raise({
      code = "CONFIG",
      message = ("there is no node %s in %s%s"):format(name, s.parameters.file,
        schema.suggestion(name, known)),
    })
  end
end

-- "10de:1f08 GeForce RTX 2060"; of one that is given in shares also what is left of it. Empty where
-- nothing is known.
---@return string
function M.card_words(device)
  local words = {}
  if device.vendor and device.device then
    words[1] = device.vendor .. ":" .. device.device
  end
  words[#words + 1] = device.model or device.shown_as
  local text = table.concat(words, " ")
  if device.kind ~= "partitionable" then
    return text
  end
  local size = require("failover.placement.judge").size
  if device.free_vram and device.total_vram then
    text = ("%s, %s of %s free"):format(text, size(device.free_vram), size(device.total_vram))
  end
  return ("%s, %d%s in use"):format(text, device.partitions,
    device.most and " of " .. device.most .. " shares" or " shares")
end

-- "purpose=training, size=large"
---@return string
function M.label_words(labels)
  local words = {}
  for name, value in pairs(labels) do
    words[#words + 1] = name .. "=" .. value
  end
  table.sort(words)
  return table.concat(words, ", ")
end

return M
