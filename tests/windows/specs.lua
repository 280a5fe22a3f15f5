-- Runs one spec file inside takeover.exe: busted's Lua modules come from the Linux file system (Z:
-- under Wine), its C modules cannot, so what it uses of them stands here, on our own natives.
--
--   takeover.exe --system-modules run tests/windows/specs.lua ROOT tests/spec/x_spec.lua RESULT
--
-- ROOT: the directory that has busted's folder, as Windows names it. The few programs of Linux that
-- specs use as tools are done here; a test that needs another one is pending, and says so.
local folder = require("cli.folder")
local fs = require("fs")
local loop = require("loop")
local process = require("process")
local root, spec, result = ...

package.path = ("%s/?.lua;%s/?/init.lua;"):format(root, root) .. package.path

---- C modules -------------------------------------------------------------------------------------

local function attributes(path, name)
  if path == "/proc/self/exe" then
    return name == "target" and loop.executable() or { target = loop.executable() }
  end
  local found = fs.find(path)
  if not found then
    return nil, path .. ": there is no such file"
  end
  local all = { mode = found.kind, size = found.size_bytes, modification = found.modified }
  return name and all[name] or all
end

package.loaded.lfs = {
  attributes = attributes,
  symlinkattributes = attributes,
  currentdir = function() return "." end,
  dir = function(path)
    local names, i = fs.list(path), 0
    return function()
      i = i + 1
      return names[i]
    end
  end,
}
package.loaded.system = {
  gettime = loop.wall, monotime = loop.now, sleep = require("core.scheduler").sleep,
}

---- programs --------------------------------------------------------------------------------------

local busted_core = require("busted.core")
local busted -- the one that runs the spec
package.loaded["busted.core"] = function()
  busted = busted_core()
  return busted
end

local start, run = process.start, process.run
local done = { code = 0, stdout = "", stderr = "", timed_out = false }

local function answer(text)
  return setmetatable({ stdout = text }, { __index = done })
end

local tools = {
  mktemp = function() return answer(folder.temporary() .. "\n") end,
  rm = function(arguments)
    folder.remove(arguments[#arguments])
    return done
  end,
  readlink = function() return answer(loop.executable() .. "\n") end,
}

-- What the program becomes here; nil where there is nothing of that kind on Windows.
local function translated(options)
  local name = options[1]
  local copy = table.move(options, 1, #options, 1, {})
  for key, value in pairs(options) do
    copy[key] = value
  end
  if name == "/proc/self/exe" then
    copy[1] = loop.executable()
  elseif name == "sleep" or name == "true" then
    copy[1], copy[2], copy[3], copy[4] = loop.executable(), "run", "tests/windows/sleep.lua",
      options[2] or "0"
  elseif type(name) == "string" and not name:find("[/\\]") and not name:find("^no%-") then
    return nil
  end
  return copy
end

local function needs(options)
  busted.pending(("needs the program \"%s\""):format(tostring(options[1])))
end

process.run = function(options)
  local tool = type(options) == "table" and tools[options[1]]
  if tool then
    return tool(options)
  end
  if type(options) ~= "table" then
    return run(options)
  end
  return run(translated(options) or needs(options))
end

process.start = function(options)
  if type(options) ~= "table" then
    return start(options)
  end
  return start(translated(options) or needs(options))
end

---- what does not work here -----------------------------------------------------------------------

local options = { "--one", spec, "--result", result }
for line in io.lines("tests/windows/not-under-wine") do
  local name, title = line:match("^([%w_]+): (.-)%s+#")
  if name == spec:match("([^/]+)%.lua$") then
    options[#options + 1] = "--without-test"
    options[#options + 1] = title
  end
end
return assert(loadfile("tests/run_specs.lua"))(table.unpack(options))
