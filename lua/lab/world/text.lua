-- Names, ids and paths are compared without case, and the same few over and over: what becomes of
-- each is kept.
local M = {}

local MOST = 5000 -- texts; then it begins anew

-- `fn` (of one text, number, or table that does not change) with a memory.
---@param fn fun(text: any): any not nil
---@return fun(text: any): any
function M.kept(fn)
  local results, count = {}, 0
  return function(text)
    local result = results[text]
    if result == nil then
      result = fn(text)
      if count == MOST then
        results, count = {}, 0
      end
      results[text], count = result, count + 1
    end
    return result
  end
end

M.upper = M.kept(string.upper)
M.lower = M.kept(string.lower)

return M
