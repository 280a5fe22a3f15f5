-- The Lua files that take part in a run, each by its SHA-256: so that a replay can say which of
-- them are not what they were.
local digest = require("digest")

local M = {}

-- The program's own machinery, which its version tells.
local own = { host = true, lab = true }

local function hash_of(path)
  local file = path and io.open(path, "rb")
  local text = file and file:read("a")
  if file then
    file:close()
  end
  return text and digest.sha256(text)
end

local function path_of(name)
  return name:find("%.lua$") and name or package.searchpath(name, package.path)
end

-- Of every loaded Lua module that is not the program's own machinery, and of the sequence.
---@param sequence string? its name, or the path of its file
---@return table<string, string> by module name, or path
function M.hashes(sequence)
  local names = {}
  for name in pairs(package.loaded) do
    if name == "failover" or name:find(".", 1, true) and not own[name:match("^[^.]+")] then
      names[#names + 1] = name
    end
  end
  if sequence then
    names[#names + 1] = sequence:find("%.lua$") and sequence or "failover.sequences." .. sequence
  end
  local hashes = {}
  for _, name in ipairs(names) do
    hashes[name] = hash_of(path_of(name))
  end
  return hashes
end

-- Names of the files that are not what they were, sorted. What a changed file newly requires is not
-- named.
---@param before table<string, string> of hashes()
---@return string[]
function M.changed(before)
  local names = {}
  for name, hash in pairs(before) do
    if hash_of(path_of(name)) ~= hash then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

return M
