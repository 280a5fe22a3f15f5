-- takeover gpu suggest: what to write into parameters.lua about devices that it does not describe.
-- What is known becomes a line that counts; what is not, a comment that says how to find out.
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local output = require("cli.output")
local situation = require("cli.situation")

local M = {}

function M.define(command, cli)
  command:description([[
Prints an entry for `devices` in parameters.lua for each device that it does not describe, or whose
card nothing tells; and one for `nodes` for each server board in a group that is no node's. What
ExpEther Manager or a node tells stands there; what nobody tells is a comment.]])
  command:epilog(cli.exit_codes({ "ok", "configuration", "no_device", "unknown" })
    .. "\n\nExample:\n  takeover gpu suggest 0x8cdf9d920104")
  command:argument("id", "Only this device, by its id or its name"):args("?")
end

---- what is known ---------------------------------------------------------------------------------

-- Values of one field that other entries have, sorted, without doubles; with a filter.
local function known_values(devices, read)
  local seen, list = {}, {}
  for _, device in ipairs(devices) do
    local value = device.kind == "card" and read(device)
    if value and not seen[value] then
      seen[value] = true
      list[#list + 1] = value
    end
  end
  table.sort(list)
  return list
end

local function free_name(devices, taken)
  local number = 1
  for _, device in ipairs(devices) do
    taken[device.name or ""] = true
  end
  while taken["gpu" .. number] do
    number = number + 1
  end
  taken["gpu" .. number] = true
  return "gpu" .. number
end

local function quoted(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

-- As a key of a table in Lua.
local function key(text)
  local word = text:find("^[%a_][%w_]*$") and load("local " .. text)
  return word and text or "[" .. quoted(text) .. "]"
end

-- Functions that a node shows and that no card accounts for.
local function candidates(seen, device)
  local list = {}
  for _, node in ipairs(seen.nodes) do
    if node.name == device.node then
      for _, fn in ipairs(node.unclaimed) do
        if fn.vendor and fn.device then
          list[#list + 1] = fn
        end
      end
    end
  end
  return list
end

---- the lines of an entry -------------------------------------------------------------------------

local function say_identity(lines, seen, device)
  if device.identity == "eem" or device.identity == "node" then
    lines[#lines + 1] = ("vendor = %s, device = %s, -- as %s shows it"):format(
      quoted(device.vendor), quoted(device.device),
      device.identity == "eem" and "ExpEther Manager" or device.node)
    return
  elseif device.identity == "declared" then
    lines[#lines + 1] = ("vendor = %s, device = %s,"):format(quoted(device.vendor),
      quoted(device.device))
    return
  end
  local slot = device.slot or {}
  lines[#lines + 1] = device.bridge
    and ("-- ExpEther Manager shows a bridge (%s:%s), not the card behind it."):format(
      slot.vendor or "?", slot.device or "?")
    or slot.type == "10g" and "-- ExpEther Manager does not show what card is in a 10G slot."
    or "-- ExpEther Manager shows no card here."
  local found = candidates(seen, device)
  if #found > 0 then
    lines[#lines + 1] = ("-- %s shows these, and no device accounts for them; is it one?"):format(
      device.node)
    for _, fn in ipairs(found) do
      lines[#lines + 1] = ("--   vendor = %s, device = %s, locations = { %s = %s }, -- %s"):format(
        quoted(fn.vendor), quoted(fn.device), key(device.node), quoted(fn.location),
        fn.name or "no name")
    end
  else
    lines[#lines + 1] = "-- Connect it to a server that runs nothing, look there, or at the card:"
    lines[#lines + 1] = '-- vendor = "10de", device = "....",'
  end
end

local function say_look_alike(lines, seen, device)
  for _, other in ipairs(seen.devices) do
    local alike = other ~= device and other.kind == "card" and other.model and device.vendor
      and other.vendor == device.vendor and other.device == device.device
    if alike then
      local gib = other.memory and other.memory % (1 << 30) == 0
      local memory = other.memory and (", memory = \"%d%s\""):format(
        other.memory >> (gib and 30 or 20), gib and "GiB" or "MiB") or ""
      lines[#lines + 1] = ("-- model = %s%s, -- as %s, which has the same ids"):format(
        quoted(other.model), memory, other.name or other.id)
      return
    end
  end
  if device.shown_as then
    lines[#lines + 1] = ("-- model = %s, -- as %s calls it"):format(quoted(device.shown_as),
      device.node)
  end
end

local function say_rest(lines, seen, device)
  if not device.box then
    local boxes = known_values(seen.devices, function(other)
      return other.box
    end)
    lines[#lines + 1] = ('-- box = "...",%s'):format(#boxes > 0
      and " -- known are " .. table.concat(boxes, ", ") or "")
  end
  if next(device.labels) == nil then
    local labels = known_values(seen.devices, function(other)
      local words = situation.label_words(other.labels)
      return words ~= "" and words or nil
    end)
    lines[#lines + 1] = ('-- labels = { purpose = "..." },%s'):format(#labels > 0
      and " -- known are " .. table.concat(labels, "; ") or "")
  end
  if device.location and not device.locations[device.node] then
    lines[#lines + 1] = "-- only where two cards of this model are on one server:"
    lines[#lines + 1] = ("-- locations = { %s = %s },"):format(key(device.node),
      quoted(device.location))
  end
end

local function where(device)
  local words = { device.state }
  words[#words + 1] = device.slot and device.slot.model
  words[#words + 1] = device.slot and device.slot.serial and "serial " .. device.slot.serial
  words[#words + 1] = device.node and "in the group of " .. device.node
    or device.state == "foreign" and device.group_id and "in group " .. device.group_id or nil
  return table.concat(words, ", ")
end

-- What comes from outside stays one line, whatever it is.
local function plain(text)
  return (text:gsub("%c", " "))
end

-- An entry as text, and what of it counts.
local function suggest(seen, device, taken)
  local name = device.name or free_name(seen.devices, taken)
  local lines = { ("name = %s,"):format(quoted(name)) }
  say_identity(lines, seen, device)
  say_look_alike(lines, seen, device)
  say_rest(lines, seen, device)
  local text = { ("-- %s"):format(plain(where(device))), ('["%s"] = {'):format(device.id) }
  for _, line in ipairs(lines) do
    text[#text + 1] = "  " .. plain(line)
  end
  text[#text + 1] = "},"
  return {
    id = device.id, complete = device.identity ~= "unknown",
    text = table.concat(text, "\n") .. "\n",
    entry = { name = name, vendor = device.vendor, device = device.device },
  }
end

-- Boards in groups that no node of parameters.lua has.
local function suggest_nodes(seen)
  local list, groups = {}, {}
  for _, node in ipairs(seen.nodes) do
    groups[node.group_id] = true
  end
  for _, board in ipairs(seen.boards) do
    if board.group_id and not board.free and not groups[board.group_id] then
      list[#list + 1] = {
        board = board.id, group_id = board.group_id,
        text = plain(("-- the server with the board %s%s"):format(board.id,
          board.serial and ", serial " .. board.serial or ""))
          .. ('\n["..."] = { group_id = %d, board = "%s" },\n'):format(board.group_id, board.id),
      }
    end
  end
  return list
end

local function wanted(seen, id)
  local list = {}
  for _, device in ipairs(seen.devices) do
    local meant = id and (device.id == id:lower() or device.name == id)
    local open = not id and device.state ~= "missing"
      and (not device.declared or device.identity == "unknown")
    if device.kind == "card" and (meant or open) then
      list[#list + 1] = device
    end
  end
  if id and #list == 0 then
    failure.raise({
      code = "NO_DEVICE", target = id,
      message = ("neither ExpEther Manager nor parameters.lua knows the device %s"):format(id),
      hint = "`takeover gpu list` shows all of them",
    })
  end
  return list
end

local function show(devices, nodes)
  if #devices > 0 then
    output.line("-- for `devices` in parameters.lua\n")
    for _, one in ipairs(devices) do
      output.block(one.text)
    end
  end
  if #nodes > 0 then
    output.line("-- for `nodes` in parameters.lua, with the server's name instead of ...\n")
    for _, one in ipairs(nodes) do
      output.block(one.text)
    end
  end
  if #devices + #nodes == 0 then
    output.line("parameters.lua describes every device")
  end
end

function M.run(arguments, program)
  local seen = situation.read(arguments, program, { nodes = "all", unclaimed = true })
  if not seen then
    return exit_codes.unknown
  end
  local devices, taken = {}, {}
  for i, device in ipairs(wanted(seen, arguments.id)) do
    devices[i] = suggest(seen, device, taken)
  end
  local nodes = arguments.id and {} or suggest_nodes(seen)
  local json = require("json")
  output.document({
    devices = json.array(devices), nodes = json.array(nodes), warnings = json.array(seen.warnings),
  })
  if not output.is_json() then
    show(devices, nodes)
  end
  return exit_codes.ok
end

return M
