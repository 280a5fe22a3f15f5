-- takeover ecx import: a draft of parameters.lua from the variables of a batch file. Values tell
-- what they are (a GUID, an EEM id, a path), names only which one of several.
local batch_reader = require("cli.batch_reader")
local console = require("console")
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local output = require("cli.output")

local M = {}

local SIZE_MAX = "1MiB"
local EEM_PORT = 30500 -- that of NEC's own client
local GROUP_LEAST, GROUP_MOST = 16, 4092

function M.define(command, cli)
  command:description([[
Reads the variables that a batch file sets (parameters.bat, SetEnvironment.bat) and prints a draft
of parameters.lua with what it recognises. What it does not is left in comments, for a person to
decide; values of passwords are not shown. Changes nothing. `takeover check` examines the result.]])
  command:epilog(cli.exit_codes({ "ok", "failed", "usage" }) .. [[


Example:
  takeover ecx import parameters.bat > parameters.lua]])
  command:argument("file", "The batch file")
  command:option("--encoding", "Its code page, where it is not UTF-8 (default: the system's)")
    :argname("PAGE"):convert(function(word)
      if console.is_code_page(word) then
        return word
      end
      return nil, ("there is no code page '%s'"):format(word)
    end)
end

local function read(arguments)
  local bytes = require("fs").read(arguments.file, { max = SIZE_MAX }):gsub("^\xef\xbb\xbf", "")
  if bytes:find("\0", 1, true) then
    failure.raise({ code = "USAGE", target = arguments.file,
      message = arguments.file .. " has zero bytes: it is no batch file, or saved as UTF-16",
      hint = "save it as text in UTF-8" })
  elseif arguments.encoding or not utf8.len(bytes) then
    return console.decode(bytes, arguments.encoding or "system")
  end
  return bytes
end

---- what a variable means -------------------------------------------------------------------------

local QUAD = ("%x"):rep(4)
local GUID = "^{?" .. table.concat({ QUAD .. QUAD, QUAD, QUAD, QUAD, QUAD .. QUAD .. QUAD }, "%-")
  .. "}?$"
local ADDRESS = "^%d+%.%d+%.%d+%.%d+$"

-- Kind of a variable; the first that fits. `name` is in lower case.
local function kind_of(name, value)
  if value == "" then
    return nil
  elseif name:find("pass") or name:find("pwd") or name:find("^pw%d*$") or name:find("secret")
    or name:find("credential") or name:find("encoded") then
    return "password"
  elseif value:find("^0[xX]" .. ("%x"):rep(12) .. "$") then
    return "device"
  elseif value:find(GUID) then
    return "id"
  elseif value:find("^https?://[^%s/]+") then
    return "url"
  elseif name:find("eem") and value:find(ADDRESS) then
    return "eem address"
  elseif value:find(ADDRESS) then
    return "address"
  elseif (name:find("gid") or name:find("group_?id")) and value:find("^%d+$")
    and tonumber(value) >= GROUP_LEAST and tonumber(value) <= GROUP_MOST then
    return "group id"
  elseif name:find("^source") and value:find("^%a:[\\/]") then
    return "path"
  elseif name:find("^vm_?name$") or name == "vm" then
    return "vm"
  elseif name:find("user") and not value:find("%s") then
    return "user"
  elseif name:find("group") and not value:find("^%d+$") then
    return "group"
  end
  return nil
end

-- What tells the nodes apart in a name: "gid1" and "node1" belong together, as "ms1_ip" does to
-- "ms1_gid".
local function node_key(name)
  name = name:lower():gsub("group_?id", ""):gsub("gid", ""):gsub("node", ""):gsub("address", "")
    :gsub("addr", ""):gsub("server", ""):gsub("host", ""):gsub("ip", ""):gsub("[_%-.]", "")
  return name
end

local function sort_out(variables)
  local found = { rest = {}, nodes = {}, order = {}, devices = {} }
  for _, variable in ipairs(variables) do
    local name, value = variable.name:lower(), variable.value
    local kind = kind_of(name, value)
    if kind == "password" then
      require("log").add_secret(value) -- another variable may contain it
    end
    if kind == "address" or kind == "group id" then
      local key = node_key(name)
      if not found.nodes[key] then
        found.nodes[key] = {}
        found.order[#found.order + 1] = key
      end
      found.nodes[key][kind] = value
    elseif kind == "device" then
      found.devices[#found.devices + 1] = value:lower()
    elseif kind and not found[kind] then
      found[kind] = value
      found[kind .. " of"] = variable
    else
      found.rest[#found.rest + 1] = variable
    end
  end
  return found
end

---- the draft -------------------------------------------------------------------------------------

-- A text of Lua, by which nothing of the batch file can become a program.
local function quote(text)
  return (("%q"):format(text):gsub("\\\n", "\\n"):gsub("[\r\0]", ""))
end

local function comment(text)
  return "-- " .. text:gsub("%c", " ")
end

local function eem(found)
  local url = found.url or (found["eem address"]
    and ("http://%s:%d/eem"):format(found["eem address"], EEM_PORT))
  return ("  eem = { url = %s, user = %s, password = secret \"eem\" },%s"):format(
    quote(url or "http://EEM:" .. EEM_PORT .. "/eem"), quote(found.user or "admin"),
    (url and found.user) and "" or " -- complete this")
end

local function nodes(found)
  local lines = { "  nodes = { -- the names must be the servers' host names" }
  for i, key in ipairs(found.order) do
    local node = found.nodes[key]
    local name = (key == "" or key:find("^%d+$")) and "ms" .. (key == "" and i or key) or key
    lines[#lines + 1] = ("    [%s] = { group_id = %s, address = %s },%s"):format(quote(name),
      node["group id"] or GROUP_LEAST, node.address and quote(node.address) or "nil",
      (node["group id"] and node.address) and "" or " -- complete this")
  end
  if #found.order == 0 then
    lines[#lines + 1] = "    ms1 = { group_id = 16 }, -- complete this"
  end
  lines[#lines + 1] = "  },"
  return table.concat(lines, "\n")
end

local function devices(found)
  local lines = { "  devices = {" }
  for i, id in ipairs(found.devices) do
    lines[#lines + 1] = ("    [%s] = { name = \"gpu%d\" }, -- vendor = \"10de\", device = ...")
      :format(quote(id), i)
  end
  lines[#lines + 1] = "  },"
  return table.concat(lines, "\n")
end

local function vms(found)
  local name = found.vm or "vm1"
  local path = found.path and found.path:gsub("/", "\\"):gsub("\\+$", "")
    :gsub("\\[Vv][Ii][Rr][Tt][Uu][Aa][Ll] [Mm][Aa][Cc][Hh][Ii][Nn][Ee][Ss]$", "")
  local lines = { "  vms = {", ("    [%s] = {"):format(quote(name)) }
  local function add(text)
    lines[#lines + 1] = "      " .. text
  end
  add(("path = %s,%s"):format(quote(path or "G:\\" .. name), path and "" or " -- complete this"))
  if found.id then
    add(("id = %s,"):format(quote(found.id:gsub("[{}]", ""):upper())))
  end
  add(("group = %s,%s"):format(quote(found.group or "Failover-" .. name),
    found.group and "" or " -- complete this"))
  add(("gpus = { { id = %s } },%s"):format(quote(found.devices[1] or "0x000000000000"),
    found.devices[1] and "" or " -- complete this"))
  add("-- mmio = { low = \"3GiB\", high = \"33280MiB\" }, -- as your card wants it")
  lines[#lines + 1] = "    },\n  },"
  return table.concat(lines, "\n")
end

---@return string
local function draft(found, file)
  local lines = {
    comment("Draft, made of " .. file .. ". Complete it, then run: takeover check"),
    "return {", eem(found), nodes(found), devices(found), vms(found), "}",
  }
  if found.password then
    lines[#lines + 1] = comment(found["password of"].name
      .. " is a password and is not shown: takeover secret set eem")
  end
  if #found.rest > 0 then
    lines[#lines + 1] = comment("Not used; docs/migration.md says what replaces them:")
    for _, variable in ipairs(found.rest) do
      local hidden = kind_of(variable.name:lower(), variable.value or "") == "password"
      lines[#lines + 1] = comment(("  line %d: %s = %s"):format(variable.line, variable.name,
        hidden and "(not shown)" or variable.value))
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- The draft of parameters.lua that the text of a batch file gives; nil where it sets no variable.
-- The second: what was found in it.
---@param batch string
---@param name string of the file, for a comment
---@return string?, table?
function M.draft(batch, name)
  local variables = batch_reader.variables(batch)
  if #variables == 0 then
    return nil
  end
  local found = sort_out(variables)
  found.count = #variables
  return draft(found, name), found
end

function M.run(arguments)
  local text, found = M.draft(read(arguments), arguments.file:match("[^/\\]*$"))
  if not text then
    failure.raise({ code = "USAGE", target = arguments.file,
      message = arguments.file .. " sets no variable: there is no line set NAME=VALUE" })
  end
  if output.is_json() then
    output.document({ command = "ecx import", file = arguments.file, draft = text,
      exit_code = exit_codes.ok })
  else
    console.configure({ stdout = "utf-8" }) -- parameters.lua is UTF-8, wherever this goes
    output.text(text)
  end
  local _, mistakes = require("failover.parameters").check(text, "the draft")
  if #mistakes > 0 or text:find("complete this", 1, true) then
    output.complain(("%s: %d variables read, %d not used; complete the lines that say so"):format(
      arguments.file, found.count, #found.rest))
  end
  for _, mistake in ipairs(mistakes) do
    output.complain("  " .. mistake.text)
  end
  return exit_codes.ok
end

return M
