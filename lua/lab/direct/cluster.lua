-- The commands of EXPRESSCLUSTER on a simulated node: those of the world's cluster manager
-- (lab/ecx/init.lua), where it has one.
local ecx = require("failover.cluster.ecx")

local M = {}

local Cluster = {}
Cluster.__index = Cluster

-- As clpgrp -t: returns when the group is stopped. False where there is no cluster manager; raises
-- ECX_FAILED where it does not know the group, or the group cannot be stopped.
function Cluster:stop_group(name)
  local manager = self.world.cluster_manager
  return manager ~= nil and manager(name)
end

-- As EXPRESSCLUSTER's: what its event says.
function Cluster:peer()
  return ecx.open(self.environment):peer()
end

function Cluster:close() end

---@param environment table CLP_* as words
function M.open(world, actor, environment)
  return setmetatable({ world = world, actor = actor, environment = environment }, Cluster)
end

return M
