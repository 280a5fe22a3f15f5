-- Are the Lua files at hand the ones that `takeover certify` found good? A certificate names
-- every file below failover/
-- by its SHA-256, and a copy of them is kept beside it: an edit that was never explored is
-- noticed at the next start.
local digest = require("digest")
local failure = require("failure")
local fs = require("fs")
local json = require("json")

local M = {}

local guard = require("loop").guard

local FILE, COPY, SIZE_MAX = "/certificate.json", "/certified", "1MiB"

-- Adds the names of the Lua files below `root`/`folder` that no earlier root has.
local function collect(root, folder, found)
  for _, name in ipairs(fs.list(root .. "/" .. folder)) do
    local relative = folder .. "/" .. name
    local entry = fs.find(root .. "/" .. relative)
    if entry and entry.kind == "directory" then
      collect(root, relative, found)
    elseif name:find("%.lua$") and not found[relative] then
      found[relative] = root .. "/" .. relative
    end
  end
end

-- Path and text of every file that counts, by its name on the module path; the first root that
-- has it wins.
local function effective(roots)
  local found = {}
  for _, root in ipairs(roots) do
    local entry = fs.find(root .. "/failover")
    if entry and entry.kind == "directory" then
      collect(root, "failover", found)
    end
  end
  return found
end

local function hashes(roots)
  local result = {}
  for name, path in pairs(effective(roots)) do
    result[name] = digest.sha256(fs.read(path))
  end
  return result
end

-- Writes the certificate and the copy. `verdict`: what was explored, for people.
function M.write(state, roots, verdict)
  local files = effective(roots)
  fs.remove(state .. FILE)
  fs.private_directory(state .. COPY)
  for name, path in pairs(files) do
    local target = state .. COPY .. "/" .. name
    fs.make_directory((target:match("^(.*)/")))
    fs.write(target, fs.read(path), { mode = "0600" })
  end
  local document = { files = {}, verdict = verdict }
  for name in pairs(files) do
    document.files[name] = digest.sha256(fs.read(state .. COPY .. "/" .. name))
  end
  fs.write(state .. FILE, json.encode(document, { pretty = true }) .. "\n", { mode = "0600" })
end

-- The certificate; nil where there is none; nil and why where it cannot be read, or is not one.
local function read(state)
  local ok, document = guard(function()
    return fs.find(state .. FILE) and json.decode(fs.read(state .. FILE, { max = SIZE_MAX })) or nil
  end)
  if not ok then
    return nil, document.message
  elseif document == nil then
    return nil
  end
  local files = type(document) == "table" and document.files
  for name, hash in pairs(type(files) == "table" and files or { false }) do
    if type(name) ~= "string" or type(hash) ~= "string" or not name:find("^failover/[%w_/]+%.lua$")
    then
      return nil, state .. FILE .. " is no certificate"
    end
  end
  return document
end

-- "certified", "changed" with the names that differ, or "none".
---@return string, string[]
function M.check(state, roots)
  local document, why = read(state)
  if not document then
    return why and "changed" or "none", { why }
  end
  local now, different = hashes(roots), {}
  for name, hash in pairs(now) do
    if document.files[name] ~= hash then
      different[#different + 1] = name
    end
  end
  for name in pairs(document.files) do
    if not now[name] then
      different[#different + 1] = name
    end
  end
  table.sort(different)
  return #different == 0 and "certified" or "changed", different
end

-- From here on the certified copy is what require finds. Refuses a copy that is not what the
-- certificate says.
function M.use_copy(state)
  local copy = state .. COPY
  local document, why = read(state)
  if not document then
    failure.raise({
      code = "CONFIG", message = why or "there is no certificate any more",
      hint = "run takeover certify again", target = state .. FILE,
    })
  end
  for name, hash in pairs(document.files) do
    if not fs.find(copy .. "/" .. name) or digest.sha256(fs.read(copy .. "/" .. name)) ~= hash then
      failure.raise({
        code = "CONFIG", message = "the certified copy is damaged: " .. name,
        hint = "run takeover certify again", target = copy,
      })
    end
  end
  package.path = copy .. "/?.lua;" .. copy .. "/?/init.lua;" .. package.path
  for name in pairs(package.loaded) do
    if name == "failover" or name:find("^failover%.") then
      package.loaded[name] = nil
    end
  end
end

-- What to do about files that are not certified, by the parameter `certificate`: nothing
-- ("ignore"), a warning
-- ("warn", the default: only where there is a certificate), a refusal ("refuse"), or the copy
-- ("fall back").
-- Returns a warning, or nil.
function M.apply(policy, state, roots)
  if policy == "ignore" then
    return nil
  end
  local verdict, different = M.check(state, roots)
  if verdict == "certified" or (verdict == "none" and policy == "warn") then
    return nil
  end
  local what = verdict == "none" and "there is no certificate for the sequences"
    or "not as certified: " .. table.concat(different, ", ")
  if policy == "refuse" or verdict == "none" then
    failure.raise({
      code = "CONFIG", message = what,
      hint = "run takeover certify, or set certificate = \"warn\" in parameters.lua",
    })
  elseif policy == "fall back" then
    M.use_copy(state)
    return what .. "; the last certified copy is used instead"
  end
  return what .. " (run takeover certify)"
end

return M
