-- The cluster engine that decides when: EXPRESSCLUSTER, Pacemaker, or nobody (a person, a script).
-- Each is a module with the same functions:
--
--   stop_group(group)  has the engine stop a group or resource, which it would start again at once
--                      if somebody else stopped it; false where its commands are not here
--   peer(name)         what the engine knows of another node: { down = boolean, says = text }, or
--                      nil where it says nothing; `down` only where the engine is certain;
--                      `unnamed`: that some node is down, and not which
local failure = require("failure")

local M = {}

M.names = { "ecx", "pacemaker", "none" }

-- The engine that runs us: the one that is named, else the one whose variables are in the
-- environment, else EXPRESSCLUSTER, because its commands may be called by hand, too.
---@param named string? of M.names
---@return string
function M.detect(named)
  if named then
    return named
  end
  local under_pacemaker = os.getenv("OCF_RESOURCE_INSTANCE") or os.getenv("HA_RESOURCE_INSTANCE")
  return under_pacemaker and "pacemaker" or "ecx"
end

-- The engine's functions as a handle for the context. Raises CONFIG for a name that is none.
---@param name string
---@param environment table CLP_* as words, as ecx.environment() gives them
function M.open(name, environment)
  for _, known in ipairs(M.names) do
    if known == name then
      return require("failover.cluster." .. name).open(environment)
    end
  end
  failure.raise({
    code = "CONFIG",
    message = ("there is no cluster engine %s; there are %s"):format(tostring(name),
      table.concat(M.names, ", ")),
  })
end

return M
