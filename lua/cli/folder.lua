-- Folders that come and go: for the demo and the specs.
local fs = require("fs")

local M = {}

-- A new folder among the system's temporary files.
function M.temporary()
  local path = os.tmpname() -- makes a file of that name, whose place the folder takes
  os.remove(path)
  fs.make_directory(path)
  return path
end

-- Removes a file, or a folder with everything in it. Nothing happens where there is none.
function M.remove(path)
  local found = fs.find(path)
  if found and found.kind == "directory" then
    for _, name in ipairs(fs.list(path)) do
      M.remove(path .. "/" .. name)
    end
  end
  fs.remove(path)
end

return M
