-- Changes that can be taken back: every change of a plan in the making goes through `set`, so that
-- an attempt that fails half-way, or a question of the kind "what if", leaves nothing behind.
local M = {}

---@class Trail
local Trail = {}
Trail.__index = Trail

---@return Trail
function M.new()
  return setmetatable({ n = 0 }, Trail)
end

function Trail:set(tbl, key, value)
  local n = self.n
  self[n + 1], self[n + 2], self[n + 3] = tbl, key, tbl[key]
  self.n = n + 3
  tbl[key] = value
end

-- A place to which `rollback` goes back.
---@return integer
function Trail:mark()
  return self.n
end

function Trail:rollback(mark)
  for n = self.n, mark + 1, -3 do
    self[n - 2][self[n - 1]] = self[n]
    self[n - 2], self[n - 1], self[n] = nil, nil, nil
  end
  self.n = mark
end

return M
