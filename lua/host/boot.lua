-- The first Lua that runs: module search, what scripts may not do, strict globals. Then the
-- command line.
local boot_path, version, arguments = ...

local lua_root = boot_path:match("^(.*)/host/boot%.lua$")
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

-- Text chunks only: bytecode can crash the interpreter.
local raw_load, raw_loadfile = load, loadfile
function _G.load(chunk, name, _, ...)
  return raw_load(chunk, name, "t", ...)
end
function _G.loadfile(path, _, ...)
  return raw_loadfile(path, "t", ...)
end
function _G.dofile(path)
  return assert(raw_loadfile(path, "t"))()
end

if system_modules then
  package.path = table.concat(patterns, ";") .. ";" .. package.path
else
  -- Lua files from our own folders and the natives in the executable; nothing else.
  package.path = table.concat(patterns, ";")
  package.cpath = ""
  package.searchers = {
    package.searchers[1],
    function(name)
      local path, why = package.searchpath(name, package.path, ".", "/")
      if not path then
        return why
      end
      local chunk, message = raw_loadfile(path, "t")
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

return require("host.main").run(arguments, {
  version = version,
  lua_root = lua_root,
  roots = roots,
})
