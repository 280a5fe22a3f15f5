-- Files of a node as CIM_DataFile and Win32_Directory show them. A node reaches its own disks and
-- those cluster disks that it owns; the others are not there for it.
--
-- Contents are not kept, only what the world needs of them: the configuration inside a .vmcx,
-- whether a .vmrs holds a saved state, who has the file open.
local errors = require("lab.world.errors")
local text = require("lab.world.text")

local lower = text.lower

local M = {}
M.__index = M

-- Return values of CIM_LogicalFile's methods.
local DONE, NO_OBJECT, EXISTS, OTHER_DRIVE, SHARING = 0, 9, 10, 13, 15

-- A disk: entries by path (lower case); the root is a directory.
function M.new_disk(name, owner)
  local root = { path = name .. "\\", name = "", directory = true, children = {}, size = 0,
    modified = 0 }
  return { name = name, owner = owner, entries = { [lower(name)] = root } }
end

function M.new(world, node)
  return setmetatable({ world = world, node = node, own = { C = M.new_disk("C:") } }, M)
end

local normal = text.kept(function(path)
  path = path:gsub("/", "\\"):gsub("(.)\\\\+", "%1\\")
  return (path:gsub("\\+$", ""))
end)

-- Directory of a path; false for a root.
local parent_of = text.kept(function(path)
  return path:match("^(.*)\\[^\\]+$") or false
end)
local name_of = text.kept(function(path)
  return path:match("[^\\]*$")
end)

-- Of a path's drive; "" when it names none.
local letter_of = text.kept(function(path)
  return (path:match("^(%a):") or ""):upper()
end)

local function disk_of(self, path)
  local letter = letter_of(path)
  local disk = self.own[letter]
  if not disk then
    disk = self.world.disks[letter]
    if disk and disk.owner ~= self.node.name then
      return nil
    end
  end
  return disk
end

---@return table? entry { path, name, directory, size, modified }
function M:find(path)
  path = normal(path)
  local disk = disk_of(self, path)
  return disk and disk.entries[lower(path)]
end

local function add(self, disk, path, directory)
  local parent = disk.entries[lower(parent_of(path))]
  local entry = {
    path = path,
    name = name_of(path),
    directory = directory or false,
    children = directory and {} or nil,
    size = 0,
    modified = self.world.clock.time,
  }
  parent.children[#parent.children + 1] = entry
  disk.entries[lower(path)] = entry
  return entry
end

local function make_directory_on(self, disk, path)
  local entry = disk.entries[lower(path)]
  if not entry then
    make_directory_on(self, disk, parent_of(path))
    entry = add(self, disk, path, true)
  end
  return entry
end

-- Makes a directory with its parents, as Hyper-V does. Nil when its disk is not reachable.
function M:make_directory(path)
  path = normal(path)
  local disk = disk_of(self, path)
  return disk and make_directory_on(self, disk, path)
end

-- Writes a file on a disk, with its directories; gives its entry. For the world itself: owners do
-- not matter.
function M.write_on(self, disk, path, size)
  path = normal(path)
  local entry = disk.entries[lower(path)]
  if not entry then
    make_directory_on(self, disk, parent_of(path))
    entry = add(self, disk, path, false)
  end
  entry.size = size or entry.size
  entry.modified = self.world.clock.time
  return entry
end

-- As write_on; nil when the disk is not reachable.
function M:write(path, size)
  local disk = disk_of(self, normal(path))
  return disk and M.write_on(self, disk, path, size)
end

local function by_name(a, b)
  return a.name < b.name
end

local function listed(self, directory, directories)
  local list = {}
  local entry = self:find(directory)
  for _, child in ipairs(entry and entry.children or {}) do
    if child.directory == directories then
      list[#list + 1] = child
    end
  end
  table.sort(list, by_name)
  return list
end

function M:list(directory)
  return listed(self, directory, false)
end

function M:directories(directory)
  return listed(self, directory, true)
end

-- Every entry that this node reaches, by path.
function M:all()
  local list = {}
  local function walk(entry)
    list[#list + 1] = entry
    for _, child in ipairs(entry.children or {}) do
      walk(child)
    end
  end
  for letter = 65, 90 do
    local name = string.char(letter)
    local root = self:find(name .. ":")
    if root then
      walk(root)
    end
  end
  return list
end

-- Whether somebody has this file, or one below this directory, open.
local function in_use(self, entry)
  if entry.user then
    return true
  end
  if entry.config then
    for _, vm in ipairs(self.node.hyperv.list) do
      if not vm.critical and lower(vm.file) == lower(entry.path) then
        return true
      end
    end
  end
  for _, child in ipairs(entry.children or {}) do
    if in_use(self, child) then
      return true
    end
  end
  return false
end

local function source(self, path)
  local entry = self:find(path)
  if not entry then
    errors.wmi(errors.NOT_FOUND, "there is no file %s", path)
  end
  return entry
end

-- The target of a copy or rename: its disk, or a return value.
local function target(self, to)
  local disk = disk_of(self, to)
  local parent = disk and parent_of(to)
  if not parent or not disk.entries[lower(parent)] then
    return nil, NO_OBJECT
  end
  if disk.entries[lower(to)] then
    return nil, EXISTS
  end
  return disk
end

local function copy_entry(self, entry, disk, to)
  local copy = add(self, disk, to, entry.directory)
  copy.size, copy.saved, copy.vm_id = entry.size, entry.saved, entry.vm_id
  copy.config = entry.config and self.node.hyperv.copy_config(entry.config)
  for _, child in ipairs(entry.children or {}) do
    copy_entry(self, child, disk, to .. "\\" .. child.name)
  end
  return copy
end

-- A running virtual machine's disk cannot be read; an open configuration can.
local function locked(entry)
  if entry.user then
    return true
  end
  for _, child in ipairs(entry.children or {}) do
    if locked(child) then
      return true
    end
  end
  return false
end

-- A file, or a directory with all that is in it, to a new name. The answer is a return value.
function M:copy(path, to)
  local entry = source(self, path)
  to = normal(to)
  local disk, code = target(self, to)
  if not disk then
    return code
  end
  if locked(entry) then
    return SHARING
  end
  if not self.world.faults:lies() then
    copy_entry(self, entry, disk, to)
    self.world:log(self.node.name, "copy", entry.path, to)
  end
  return DONE
end

M.copy_directory = M.copy

local function unhook(disk, entry)
  local parent = disk.entries[lower(parent_of(entry.path))]
  for i, child in ipairs(parent.children) do
    if child == entry then
      table.remove(parent.children, i)
      break
    end
  end
end

local function forget(disk, entry)
  disk.entries[lower(entry.path)] = nil
  for _, child in ipairs(entry.children or {}) do
    forget(disk, child)
  end
end

local function move(disk, entry, to)
  disk.entries[lower(entry.path)] = nil
  entry.path = to
  disk.entries[lower(to)] = entry
  for _, child in ipairs(entry.children or {}) do
    move(disk, child, to .. "\\" .. child.name)
  end
end

function M:rename(path, to)
  local entry = source(self, path)
  to = normal(to)
  if letter_of(to) ~= letter_of(entry.path) then
    return OTHER_DRIVE
  end
  local disk, code = target(self, to)
  if not disk then
    return code
  end
  if in_use(self, entry) then
    return SHARING
  end
  if not self.world.faults:lies() then
    local from = entry.path
    unhook(disk, entry)
    move(disk, entry, to)
    entry.name = name_of(to)
    table.insert(disk.entries[lower(parent_of(to))].children, entry)
    self.world:log(self.node.name, "rename", from, to)
  end
  return DONE
end

-- Removes without asking who uses it.
function M:remove(entry)
  local disk = disk_of(self, entry.path)
  unhook(disk, entry)
  forget(disk, entry)
end

-- Lets virtual machines open a file again (icacls). False when it is not there.
function M:grant(path)
  local entry = self:find(path)
  if entry and entry.denied and not self.world.faults:lies() then
    entry.denied = nil
    self.world:log(self.node.name, "grant", entry.path)
  end
  return entry ~= nil
end

function M:delete(path)
  local entry = source(self, path)
  if entry.name == "" or in_use(self, entry) then
    return SHARING
  end
  if not self.world.faults:lies() then
    self:remove(entry)
    self.world:log(self.node.name, "delete file", entry.path)
  end
  return DONE
end

return M
