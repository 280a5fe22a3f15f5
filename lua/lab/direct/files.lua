-- The files of a simulated host, as fs.open gives them (lua/meta/small.lua, HostFiles).
local calls = require("lab.direct.calls")
local failure = require("failure")

local M = {}

local Files = {}
Files.__index = Files

local IN_USE, NOT_FOUND = 15, 9
local words = {
  [2] = "access denied", [8] = "unspecified failure",
  [NOT_FOUND] = "no such object, or not a possible name", [10] = "it exists already",
  [11] = "the file system is not NTFS", [13] = "on another drive",
  [14] = "the directory is not empty", [IN_USE] = "in use (sharing violation)",
  [16] = "invalid start file", [17] = "a privilege is not held", [21] = "invalid parameter",
}

-- `method`: of a change; nil for a look. Does act(a, b, c).
local function call(self, class, method, path, act, a, b, c)
  return calls.outside(self.world, {
    kind = "wmi", target = self.node, change = method ~= nil, actor = self.actor,
    about = method and path, verb = method and "Invoke" or "Enumerate", class = class,
    method = method, path = path, namespace = "root/cimv2",
  }, act, a, b, c)
end

local function files(self)
  local world = self.world
  local real = (world.poses and world:at(self.node) or self.place).files
  return world.sight and world.sight:files(real) or real
end

local function change(self, class, method, path, act)
  local ok, code = pcall(call, self, class, method, path, act)
  if not ok then
    if failure.is(code) and code.code == "WMI_NOT_FOUND" then
      calls.raise("FS_NOT_FOUND", "there is no " .. path, { target = path })
    end
    error(code, 0)
  elseif code ~= 0 then
    calls.raise(code == NOT_FOUND and "FS_NOT_FOUND" or "FS_FAILED",
      string.format("%s of %s: %s (%d)", method, path, words[code] or "failed", code),
      { hresult = code, target = path, transient = code == IN_USE })
  end
end

local function show(self, record)
  return record and {
    path = record.path, name = record.name, size = record.size,
    modified = self.world:dmtf(record.modified),
  }
end

local function list_of(self, directory)
  local list = {}
  for _, record in ipairs(files(self):list(directory)) do
    list[#list + 1] = show(self, record)
  end
  return list
end

function Files:list(directory)
  return call(self, "CIM_DataFile", nil, directory, list_of, self, directory)
end

local function found(self, path, directory)
  local record = files(self):find(path)
  return record and (record.directory or false) == directory and show(self, record) or nil
end

local function find(self, path, directory)
  return call(self, directory and "Win32_Directory" or "CIM_DataFile", nil, path, found, self, path,
    directory)
end

function Files:find(path)
  return find(self, path, false)
end

function Files:find_directory(path)
  return find(self, path, true)
end

function Files:copy_directory(from, to)
  change(self, "Win32_Directory", "Copy", from, function()
    return files(self):copy_directory(from, to)
  end)
end

function Files:rename_directory(from, to)
  change(self, "Win32_Directory", "Rename", from, function()
    return files(self):rename(from, to)
  end)
end

function Files:delete_directory(path)
  if not self:find_directory(path) then
    return false
  end
  change(self, "Win32_Directory", "Delete", path, function()
    return files(self):delete(path)
  end)
  return true
end

function Files:copy(from, to)
  change(self, "CIM_DataFile", "Copy", from, function()
    return files(self):copy(from, to)
  end)
end

function Files:rename(from, to)
  change(self, "CIM_DataFile", "Rename", from, function()
    return files(self):rename(from, to)
  end)
end

function Files:delete(path)
  if not self:find(path) then
    return false
  end
  change(self, "CIM_DataFile", "Delete", path, function()
    return files(self):delete(path)
  end)
  return true
end

function Files:close() end

function M.open(world, node, actor)
  return setmetatable({
    world = world, node = node, place = world:node(node), actor = actor,
  }, Files)
end

return M
