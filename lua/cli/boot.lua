-- The first Lua that runs: module search, what scripts may not do, strict globals. Then the
-- command line.
local boot_path, version, arguments, trust = ...

local lua_root = boot_path:match("^(.*)/cli/boot%.lua$")
local system_modules = false

-- Options that decide where modules come from are read before anything is loaded.
local roots = {}
do
  local i = 1
  while arguments[i] do
    local value = arguments[i]:match("^%-%-lua%-path=(.+)$")
    if arguments[i] == "--lua-path" and arguments[i + 1] then
      value = arguments[i + 1]
      table.remove(arguments, i)
    end
    if value then
      roots[#roots + 1] = value
      table.remove(arguments, i)
    elseif arguments[i] == "--system-modules" then
      system_modules = true
      table.remove(arguments, i)
    elseif arguments[i] == "--" then
      break
    else
      i = i + 1
    end
  end
end
roots[#roots + 1] = lua_root
roots[#roots + 1] = lua_root .. "-vendor"

local patterns = {}
for _, root in ipairs(roots) do
  patterns[#patterns + 1] = root .. "/?.lua"
  patterns[#patterns + 1] = root .. "/?/init.lua"
end

-- Text chunks only: bytecode can crash the interpreter. A file that others may change does not run:
-- it is judged on the way to it, and what was judged is what is read.
local raw_load, raw_loadfile = load, loadfile
local read, pcall, tostring = require("fs").read, pcall, tostring
local judged = not trust and not system_modules

-- As loadfile, but raises FS_UNSAFE.
local function load_judged(path, ...)
  if not judged then
    return raw_loadfile(path, "t", ...)
  end
  local ok, text = pcall(read, path, { judge = "code" })
  if not ok then
    if text.code == "FS_UNSAFE" then
      error(text, 0)
    end
    return nil, "cannot read " .. tostring(path) .. ": " .. tostring(text)
  end
  text = text:gsub("^\xef\xbb\xbf", ""):gsub("^#[^\n]*", "") -- as Lua itself passes over them
  return raw_load(text, "@" .. path, "t", ...)
end

function _G.load(chunk, name, _, ...)
  return raw_load(chunk, name, "t", ...)
end
function _G.loadfile(path, _, ...)
  return load_judged(path, ...)
end
function _G.dofile(path)
  return assert(load_judged(path))()
end

-- Scripts of administrators may name modules as they were called before.
local function search_renamed(name)
  local now = name ~= "core.renamed" and require("core.renamed")[name]
  return now and function()
    return require(now)
  end or nil
end

if system_modules then
  package.path = table.concat(patterns, ";") .. ";" .. package.path
  package.searchers[#package.searchers + 1] = search_renamed
else
  -- Lua files from our own folders and the natives in the executable; nothing else.
  package.path = table.concat(patterns, ";")
  package.cpath = ""
  package.searchers = {
    package.searchers[1],
    function(name)
      local path, why = package.searchpath(name, package.path, ".", "/")
      if not path then
        return search_renamed(name) or why
      end
      local chunk, message = load_judged(path)
      if not chunk then
        error(message, 0)
      end
      return chunk, path
    end,
  }
  package.loadlib = nil
  local function refused(name)
    return function()
      local instead = "process.run{ \"program\", \"argument\", timeout = 10 }"
      error(name .. " is not available: use " .. instead, 2)
    end
  end
  os.execute = refused("os.execute")
  io.popen = refused("io.popen")
  -- The exit code says what is true in the cluster, and numbers are written with a point.
  os.exit = function()
    error("os.exit is not available: return from the script, or raise a failure", 2)
  end
  os.setlocale = nil
  -- What is left of `debug` tells where something is; the rest reaches into other functions (and
  -- with them the loading of bytecode) or takes the watchdog away.
  local library = _G.debug
  local traceback, getinfo = library.traceback, library.getinfo
  for name in pairs(library) do
    library[name] = nil
  end
  library.traceback = traceback
  -- debug.getinfo([thread,] level or function [, what]), without the functions themselves.
  function library.getinfo(...)
    local thread = type((...)) == "thread"
    local at, what = select(thread and 2 or 1, ...)
    what = (what or "Slnut"):gsub("[^Slnut]", "")
    local info
    if thread then
      info = getinfo((...), at, what)
    else
      info = getinfo(type(at) == "number" and at > 0 and at + 1 or at, what) -- this is a level, too
    end
    return info
  end
  getmetatable("").__metatable = false

  -- A misspelt global is an error at once.
  setmetatable(_G, {
    __newindex = function(_, name)
      error("assignment to the undeclared global '" .. tostring(name) .. "' (missing 'local'?)", 2)
    end,
    __index = function(_, name)
      error("there is no global '" .. tostring(name) .. "'", 2)
    end,
  })
end

return require("cli.main").run(arguments, {
  version = version,
  lua_root = lua_root,
  roots = roots,
})
