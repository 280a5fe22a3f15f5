-- The plan of the house, checked: who requires and includes whom, and whether the documents that
-- the code refers to exist. Plain Lua without the program, so that lint needs no build.
--   lua tests/structure.lua [--arrows]     prints counts; exit code 1 and a line for each mistake
local problems = {}

local function problem(...)
  problems[#problems + 1] = string.format(...)
end

local function files(folders)
  local list = {}
  local pipe = assert(io.popen("find " .. folders .. " -type f | sort"))
  for path in pipe:lines() do
    list[#list + 1] = path
  end
  pipe:close()
  return list
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

-- ---- graphs: nodes are names, arrows[a][b] is the file in which a names b -----------------------

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

-- Groups of nodes that reach one another (Tarjan).
local function circles(arrows)
  local index, low, on, stack, count, found = {}, {}, {}, {}, 0, {}
  local function visit(node)
    count = count + 1
    index[node], low[node], on[node] = count, count, true
    stack[#stack + 1] = node
    for _, target in ipairs(sorted_keys(arrows[node] or {})) do
      if not index[target] then
        visit(target)
        low[node] = math.min(low[node], low[target])
      elseif on[target] then
        low[node] = math.min(low[node], index[target])
      end
    end
    if low[node] == index[node] then
      local group = {}
      repeat
        local last = table.remove(stack)
        on[last] = nil
        group[#group + 1] = last
      until last == node
      if #group > 1 then
        table.sort(group)
        found[#found + 1] = group
      end
    end
  end
  for _, node in ipairs(sorted_keys(arrows)) do
    if not index[node] then
      visit(node)
    end
  end
  return found
end

local function count_arrows(arrows)
  local count = 0
  for _, targets in pairs(arrows) do
    for _ in pairs(targets) do
      count = count + 1
    end
  end
  return count
end

-- `layer(node)` is its number; an arrow to a higher one is a mistake. Returns how many there are.
local function check(kind, arrows, layer)
  local upward = 0
  for _, node in ipairs(sorted_keys(arrows)) do
    for _, target in ipairs(sorted_keys(arrows[node])) do
      if layer(target) > layer(node) then
        upward = upward + 1
        problem("%s: %s uses %s, which is in a layer above it", arrows[node][target], node, target)
      end
    end
  end
  local groups = circles(arrows)
  for _, group in ipairs(groups) do
    problem("a circle of %s: %s", kind, table.concat(group, ", "))
  end
  return ("%d %s, %d upward, %d circles"):format(count_arrows(arrows), kind, upward, #groups)
end

-- ---- Lua ----------------------------------------------------------------------------------------

local LUA_LAYERS = { core = 1, failover = 2, lab = 3, cli = 4 }

local function lua_graph()
  local modules, arrows = {}, {}
  for _, path in ipairs(files("lua")) do
    local name = path:match("^lua/(.*)%.lua$")
    if name and not name:find("^meta/") then
      modules[name:gsub("/init$", ""):gsub("/", ".")] = path
    end
  end
  for name, path in pairs(modules) do
    arrows[name] = {}
    if not LUA_LAYERS[name:match("^[^.]+")] then
      problem("%s: lua/ has the folders core, failover, lab, cli and meta", path)
    end
    for required in read(path):gmatch("require%(?%s*\"([%w_.]+)\"") do
      if modules[required] and required ~= name then
        arrows[name][required] = path
      end
    end
  end
  return arrows, function(name)
    return LUA_LAYERS[name:match("^[^.]+")] or 0
  end
end

-- ---- C ------------------------------------------------------------------------------------------

-- The folders of natives, lowest first; host/runtime and host/platform are below all of them, and
-- what stands in host itself (the program and its registration table) is above.
local NATIVES = {
  "small", "xml", "json", "log", "seal", "http", "httpd", "fs", "process", "secret", "journal",
  "ecx",
  "eem", "wmi/cim", "wmi", "wmi/wsman", "wmi/com", "pnp", "hostfiles", "hyperv",
}
local C_LAYERS = { ["host/runtime"] = 1, ["host/platform"] = 1, host = 100 }
for i, name in ipairs(NATIVES) do
  C_LAYERS["natives/" .. name] = 1 + i
end

local function folder_of(path)
  return path:match("^(.*)/[^/]+$")
end

local function c_graph()
  local all, arrows = {}, {}
  for _, path in ipairs(files("host natives")) do
    if path:find("%.[ch]$") then
      all[path] = true
    end
  end
  for path in pairs(all) do
    arrows[path] = {}
    if not C_LAYERS[folder_of(path)] then
      problem("%s: tests/structure.lua knows no layer for %s", path, folder_of(path))
    end
    for name in read(path):gmatch("#include \"([^\"]+)\"") do
      for _, root in ipairs({ folder_of(path), "host", "natives" }) do
        if all[root .. "/" .. name] then
          arrows[path][root .. "/" .. name] = path
          break
        end
      end
    end
  end
  return arrows, function(path)
    return C_LAYERS[folder_of(path)] or 0
  end
end

-- ---- documents ----------------------------------------------------------------------------------

-- Anchors of a page: `<a id="1.9"></a>`, and headings as GitHub names them.
local function anchors_of(path)
  local anchors, text = {}, read(path) or ""
  for id in text:gmatch("<a id=\"([^\"]+)\"></a>") do
    anchors[id] = true
  end
  for heading in ("\n" .. text):gmatch("\n#+ ([^\n]+)") do
    local slug = heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")
    anchors[slug] = true
  end
  return anchors
end

local function check_references()
  local count, pages = 0, {}
  for _, path in ipairs(files("host natives lua tests examples bench packaging")) do
    local text = path ~= "tests/structure.lua" and read(path) or ""
    for page, rest in text:gmatch("(docs/[%w_/-]+%.md)([^%s]*)") do
      count = count + 1
      pages[page] = pages[page] or anchors_of(page)
      local anchor = rest:match("^#([%w_.-]*[%w_-])")
      if not read(page) then
        problem("%s names %s, which is not there", path, page)
      elseif anchor and not pages[page][anchor] then
        problem("%s names %s#%s: the page has no such anchor", path, page, anchor)
      end
    end
  end
  return ("%d references to documents"):format(count)
end

-- The map of lua/failover has a line for every file.
local function check_map()
  local map, count = read("lua/failover/README.md"), 0
  for _, path in ipairs(files("lua/failover")) do
    local name = path:match("^lua/failover/(.*%.lua)$")
    if name then
      count = count + 1
      if not map:find("`" .. name .. "`", 1, true) then
        problem("lua/failover/README.md has no line for %s", name)
      end
    end
  end
  for name in map:gmatch("`([%w_/]+%.lua)`") do
    if not (read("lua/failover/" .. name) or read(name)) then
      problem("lua/failover/README.md names %s, which is not there", name)
    end
  end
  return ("%d files in the map of lua/failover"):format(count)
end

-- -------------------------------------------------------------------------------------------------

local lua_arrows, lua_layer = lua_graph()
local c_arrows, c_layer = c_graph()
if arg[1] == "--arrows" then
  for _, arrows in ipairs({ lua_arrows, c_arrows }) do
    for _, node in ipairs(sorted_keys(arrows)) do
      print(node, table.concat(sorted_keys(arrows[node]), " "))
    end
  end
end
print(check("requires", lua_arrows, lua_layer))
print(check("includes", c_arrows, c_layer))
print(check_references())
print(check_map())
for _, text in ipairs(problems) do
  print(text)
end
os.exit(#problems == 0 and 0 or 1)
