-- EXPRESSCLUSTER: its commands on this host, and what it told the script that runs us.
local M = {}

local Ecx = {}
Ecx.__index = Ecx

-- clpgrp -t
function Ecx.stop_group(_, group)
  return require("ecx").stop_group(group)
end

-- CLP_EVENT=FAILOVER is its word that the group's former server is down
-- (docs/facts/ecx-eem.md#1.1).
function Ecx:peer()
  if self.environment.event == "failover" then
    return {
      down = true, unnamed = true, says = "EXPRESSCLUSTER reports a failover (CLP_EVENT=FAILOVER)",
    }
  end
end

function Ecx:close() end -- luacheck: ignore 212

function M.open(environment)
  return setmetatable({ environment = environment }, Ecx)
end

return M
