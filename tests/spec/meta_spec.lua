-- lua/meta/*.lua is what script authors read and what their editors complete from. This compares it
-- with what the natives really offer, in both directions.
local lfs = require("lfs")

-- Members of one module or class: name -> "function" or "value".
local function group(groups, name)
  groups[name] = groups[name] or {}
  return groups[name]
end

-- Reads declarations as they are written in meta files: `name = {}` opens a module, `local Name =
-- {}` a class; then `function name.verb(...)`, `function Name:verb(...)`, `name.field = ...`.
local function read_declarations(text, modules, classes)
  local local_names = {}
  for line in text:gmatch("[^\n]+") do
    local module = line:match("^(%l[%w_]*) = {}$")
    local class = line:match("^local (%u%w*) = {}$")
    local owner, mark, verb = line:match("^function ([%w_]+)([.:])([%w_]+)%(.*%) end$")
    local holder, field = line:match("^([%w_]+)%.([%w_]+) = ")
    if module then
      group(modules, module)
    elseif class then
      local_names[class] = true
    elseif owner and mark == ":" then
      assert(local_names[owner], "method of an undeclared class: " .. line)
      group(classes, owner)[verb] = "function"
    elseif owner then
      assert(modules[owner], "function of an undeclared module: " .. line)
      modules[owner][verb] = "function"
    elseif holder then
      assert(modules[holder], "field of an undeclared module: " .. line)
      modules[holder][field] = "value"
    else
      assert(not line:find("^function"), "cannot be read as a declaration: " .. line)
    end
  end
end

local function members(live)
  local found = {}
  for name, value in pairs(live) do
    if type(name) == "string" and name:sub(1, 2) ~= "__" then
      found[name] = type(value) == "function" and "function" or "value"
    end
  end
  return found
end

-- What is only in one of the two, as sorted lines.
local function differences(what, documented, live)
  local lines = {}
  for name in pairs(documented) do
    if not live[name] then
      lines[#lines + 1] = what .. " has no " .. name .. ", which lua/meta promises"
    end
  end
  for name in pairs(live) do
    if not documented[name] then
      lines[#lines + 1] = what .. " offers " .. name .. ", which is not in lua/meta"
    end
  end
  table.sort(lines)
  return lines
end

-- The entry of `candidates` that has most of the members of `wanted`, at least half of them, and
-- the fewest others.
local function most_alike(wanted, candidates)
  local best, best_shared, best_other
  for name, found in pairs(candidates) do
    local shared, other, missing = 0, 0, 0
    for member in pairs(found) do
      shared = shared + (wanted[member] and 1 or 0)
      other = other + (wanted[member] and 0 or 1)
    end
    for member in pairs(wanted) do
      missing = missing + (found[member] and 0 or 1)
    end
    local better = not best or shared > best_shared
      or (shared == best_shared and other < best_other)
    if shared >= missing and better then
      best, best_shared, best_other = name, shared, other
    end
  end
  return best
end

-- Handle types as C registers them (host/runtime/lua_util.c): method tables by type name. Those
-- without methods are nobody's business but C's.
local function live_handles()
  local handles = {}
  for name, metatable in pairs(debug.getregistry()) do
    if type(name) == "string" and type(metatable) == "table"
      and rawget(metatable, "__metatable") == "handle" then
      local methods = members(metatable.__index)
      if next(methods) then
        handles[name] = methods
      end
    end
  end
  return handles
end

describe("the description of the natives in lua/meta", function()
  local modules, classes = {}, {}

  setup(function()
    for name in lfs.dir("lua/meta") do
      if name:find("%.lua$") then
        local file = assert(io.open("lua/meta/" .. name))
        read_declarations(file:read("a"), modules, classes)
        file:close()
      end
    end
  end)

  it("covers every native, and only natives that there are", function()
    local natives = {}
    for name in pairs(package.preload) do
      natives[name] = name ~= "cjson.safe" and "value" or nil -- only json_lua.c uses that one
    end
    assert.same({}, differences("the registration table", modules, natives))
  end)

  it("names every function of every native", function()
    local found = {}
    for name, documented in pairs(modules) do
      if package.preload[name] then
        for _, line in ipairs(differences(name, documented, members(require(name)))) do
          found[#found + 1] = line
        end
      end
    end
    table.sort(found)
    assert.same({}, found)
  end)

  it("names every method of every handle", function()
    for name in pairs(modules) do
      if package.preload[name] then
        require(name)
      end
    end
    local handles, found, taken = live_handles(), {}, {}
    for class, documented in pairs(classes) do
      local name = most_alike(documented, handles)
      if name then
        taken[name] = true
        for _, line in ipairs(differences(class, documented, handles[name])) do
          found[#found + 1] = line
        end
      else
        found[#found + 1] = "no handle is like class " .. class .. " of lua/meta"
      end
    end
    for name in pairs(handles) do
      if not taken[name] then
        found[#found + 1] = "the handle \"" .. name .. "\" has no class in lua/meta"
      end
    end
    table.sort(found)
    assert.same({}, found)
  end)
end)

describe("the comparison itself", function()
  local text = [[
example = {}
---@class Thing
local Thing = {}
function example.open(options) end
example.null = nil
function Thing:work() end
]]

  it("reads modules, fields, classes and methods", function()
    local modules, classes = {}, {}
    read_declarations(text, modules, classes)
    assert.same({ example = { open = "function", null = "value" } }, modules)
    assert.same({ Thing = { work = "function" } }, classes)
  end)

  it("refuses what it cannot read", function()
    assert.has_error(function()
      read_declarations("function nobody.knows() end", {}, {})
    end)
    assert.has_error(function()
      read_declarations("function (odd", {}, {})
    end)
  end)

  it("finds what is missing and what is not documented", function()
    assert.same({
      "x has no gone, which lua/meta promises",
      "x offers new, which is not in lua/meta",
    }, differences("x", { gone = "function", both = "function" },
      { new = "function", both = "function" }))
  end)

  it("takes the handle with the same methods, not one that has them among others", function()
    local wanted = { close = "function", read = "function" }
    assert.equal("a", most_alike(wanted, {
      a = { close = "function", read = "function" },
      b = { close = "function", read = "function", write = "function" },
      c = { close = "function" },
    }))
  end)
end)
