-- What `gpu explain`, `gpu place` and `gpu whatif` have in common: devices in a few words, and the
-- options that stand for the policy of parameters.lua.
local M = {}

-- "gpu-a1 (here), gpu-b2 (pool)"
---@param chosen table[] as placement gives them
function M.devices(chosen)
  local words = {}
  for i, entry in ipairs(chosen) do
    local device = entry.device
    words[i] = ("%s (%s)"):format(device.name or device.id,
      entry.victim and "from " .. entry.victim or entry.from == "node"
        and "from " .. tostring(device.node) or entry.from)
  end
  return table.concat(words, ", ")
end

-- The same for programs.
function M.document(chosen)
  local list = {}
  for i, entry in ipairs(chosen) do
    local device = entry.device
    list[i] = {
      id = device.id, title = device.title, box = device.box, from = entry.from,
      from_node = device.node, victim = entry.victim, request = entry.request,
      alternative = entry.alternative,
    }
  end
  return require("json").array(list)
end

function M.define_policy(command)
  command:option("--policy", "spread or consolidate, instead of what parameters.lua says")
    :choices({ "spread", "consolidate" }):argname("POLICY")
  command:flag("--preempt", "As if `preempt` were set in parameters.lua")
end

-- { policy, preempt } for placement.
function M.policy(arguments, parameters)
  local set = parameters.placement or {}
  return {
    policy = arguments.policy or set.policy or "spread",
    preempt = arguments.preempt or set.preempt or false,
  }
end

-- Long sentences in a cell of a table: its beginning.
function M.short(text, columns)
  local stop = text and utf8.len(text) and utf8.offset(text, columns + 1)
  return stop and stop <= #text and text:sub(1, stop - 1) .. "..." or text
end

return M
