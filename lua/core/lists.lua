-- What several parts ask of lists of plain tables.
local M = {}

-- The first entry whose field has this value, nil where there is none.
---@param list table[]
---@param field string
---@param value any
---@return table?
function M.find(list, field, value)
  for _, entry in ipairs(list) do
    if entry[field] == value then
      return entry
    end
  end
end

return M
