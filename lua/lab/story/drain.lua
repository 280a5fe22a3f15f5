-- The word `drain` of a story: what the command does, on this story's world and with its model of
-- EXPRESSCLUSTER.
local actor = require("lab.simulated_command")
local context = require("failover.engine.context")
local drain = require("failover.placement.drain")
local inprocess = require("lab.direct")
local inventory = require("failover.inventory")
local scheduler = require("core.scheduler")

local M = {}

local function words(plan)
  local list = {}
  for _, move in ipairs(plan.moves) do
    list[#list + 1] = ("%s -> %s%s"):format(move.vm, move.to, move.degraded and " DEGRADED" or "")
  end
  for _, lost in ipairs(plan.lost) do
    list[#list + 1] = ("%s is lost (%s)"):format(lost.vm, lost.code)
  end
  return #list > 0 and table.concat(list, ", ") or "nothing runs there"
end

local function hands_of(story, v, c, seen, node)
  return {
    now = scheduler.now,
    sleep = v.wait,
    seen = drain.looker(c, seen, node),
    move = function(move)
      v.ecx_move(move.to, move.group)
    end,
    stop = function(lost)
      v.ecx_group_stop(lost.group)
    end,
    within = function(move)
      local vm = story.parameters.vms[move.vm]
      return vm.stop_timeout + vm.start_timeout
    end,
    tell = function(move, state)
      if state == "done" then
        story:tell("     %s %s", move.vm, move.to and "runs on " .. move.to or "is off")
      end
    end,
  }
end

function M.add(story, v)
  -- `takeover drain NODE --go`; options: accept_loss. Gives the plan; where it would lose a machine
  -- and that is not accepted, nothing is done.
  function v.drain(node, options)
    local c = context.open({
      parameters = story.parameters, node = node,
      natives = inprocess.natives(story.world, { node = node, by = node .. " drain", count = 0 }),
      secret = function()
        return actor.SECRET
      end,
    })
    local seen = inventory.read(c, { nodes = "all" })
    local plan = drain.plan(seen, node, { policy = story.parameters.placement })
    story:tell("%-4s drain: %s", node, words(plan))
    if #plan.lost == 0 or options and options.accept_loss then
      plan.done = drain.carry_out(plan, hands_of(story, v, c, seen, node))
    end
    c:close()
    return plan
  end
end

return M
