-- No cluster engine: nothing can be asked to stop a group, and nothing is known of other nodes.
local M = {}

local None = {}
None.__index = None

function None.stop_group()
  return false
end

function None.peer()
  return nil
end

function None:close() end -- luacheck: ignore 212

function M.open()
  return setmetatable({}, None)
end

return M
