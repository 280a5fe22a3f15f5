-- The commands of EXPRESSCLUSTER on a simulated node: those of the world's cluster manager
-- (lab/ecx.lua), where it has one.
local M = {}

local Cluster = {}
Cluster.__index = Cluster

-- As clpgrp -t: returns when the group is stopped. False where there is no cluster manager; raises
-- ECX_FAILED where it does not know the group, or the group cannot be stopped.
function Cluster:stop_group(name)
  local manager = self.world.cluster_manager
  return manager ~= nil and manager(name)
end

function Cluster:close() end

function M.open(world, actor)
  return setmetatable({ world = world, actor = actor }, Cluster)
end

return M
