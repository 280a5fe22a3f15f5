-- The drawing of a cluster as an SVG element: servers, boxes and the links between them. Each thing
-- has a <title>, which browsers show under the pointer. States differ by shape, not by colour
-- alone.
local html = require("cli.topology.html")
local layout = require("cli.topology.layout")

local M = {}

local text, short = html.text, html.short

-- The word for a device in the drawing: its state, and of one that is held, whether it is used.
---@return string
function M.kind_of(device)
  return device.state == "held" and (device.use == "unknown" and "doubtful" or device.use or "idle")
    or device.state
end

-- Shapes around 0,0; classes give them their colours.
local SHAPES = {
  used = '<circle class="s-used" r="6"/>',
  idle = '<circle class="s-idle" r="5"/>',
  doubtful = '<circle class="s-idle" r="5"/><circle class="s-used" r="2"/>',
  free = '<circle class="s-free" r="5"/>',
  quarantined = '<path class="s-quarantined" d="M0-7 7 6H-7Z"/>',
  missing = '<path class="s-missing" d="M-5-5 5 5M-5 5 5-5"/>',
  foreign = '<path class="s-foreign" d="M0-7 7 0 0 7-7 0Z"/>',
}

M.LEGEND = {
  { "used", "used by a running virtual machine" },
  { "idle", "in the group of a server, not used" },
  { "doubtful", "in the group of a server; nobody tells whether it is used" },
  { "free", "free" },
  { "quarantined", "in quarantine: it failed lately" },
  { "missing", "missing: declared or asked for, not shown" },
  { "foreign", "in a group of no server here" },
}

-- A mark for the legend and the tables.
---@return string
function M.mark(kind)
  return '<svg class="mark" viewBox="-8 -8 16 16" aria-hidden="true">' .. SHAPES[kind] .. "</svg>"
end

---@return string
function M.card_words(device)
  local words = require("cli.situation").card_words(device)
  return words ~= "" and words or "unknown card"
end

-- Who has it: "vme2", "vme2 (off)", "vme2 or vme3"; nil for nobody.
---@return string?
function M.user_words(device)
  if device.users then
    return table.concat(device.users, device.kind == "card" and " or " or ", ")
  end
  return device.vm and device.vm .. (device.vm_running and "" or " (off)") or nil
end

local function number(value)
  return ("%g"):format(math.floor(value * 10 + 0.5) / 10)
end

local function label(x, y, class, words, columns, anchor)
  return ('<text class="%s" x="%s" y="%s"%s>%s</text>'):format(class, number(x), number(y + 4),
    anchor and ' text-anchor="' .. anchor .. '"' or "", text(short(words, columns)))
end

local function frame(block, class, title)
  return ('<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="6"/>'):format(class,
    number(block.x), number(block.y), number(block.width), number(block.height))
    .. label(block.x + 12, block.y + layout.HEAD / 2, "title", title, 34)
end

local function node_words(node, brief)
  local words = {}
  if not node.asked then
    words[1] = "not asked"
  elseif not node.reachable then
    words[1] = "does not answer"
  end
  words[#words + 1] = node.board_power == "off" and "no power" or nil
  words[#words + 1] = node.drained and "drained" or nil
  if brief and words[1] then
    return table.concat(words, ", ")
  end
  words[#words + 1] = node.capacity and ("%d of %d devices"):format(node.held, node.capacity)
    or ("%d devices"):format(node.held)
  return table.concat(words, ", ")
end
M.node_words = node_words

local function vm_row(block, row)
  local vm, x = row.vm, block.x + 12
  local state = vm.state .. (vm.degraded and ", degraded" or "")
  local class = vm.degraded and "warn" or vm.running and "good" or "quiet"
  return ('<g><title>%s</title>%s%s</g>'):format(
    text(("%s: %s"):format(vm.name, state)), label(x, row.y, "name", vm.key, 26),
    label(block.x + block.width - 12, row.y, class, state, 20, "end"))
end

local function node_block(block)
  local node = block.node
  local parts = { '<g class="node">' }
  local well = node and node.reachable
  local title = node and ("%s, group %d: %s%s"):format(node.name, node.group_id, node_words(node),
    node.why and " (" .. node.why .. ")" or "") or block.title
  parts[2] = "<title>" .. text(title) .. "</title>"
  parts[3] = frame(block, well and "box" or "box away", block.title)
  if node then
    parts[4] = label(block.x + block.width - 12, block.y + layout.HEAD / 2,
      well and "quiet" or "bad", node_words(node, true), 30, "end")
  end
  for _, row in ipairs(block.rows) do
    parts[#parts + 1] = vm_row(block, row)
  end
  parts[#parts + 1] = "</g>"
  return table.concat(parts)
end

local function label_words(labels)
  return require("cli.situation").label_words(labels)
end

local function device_words(device)
  local kind = M.kind_of(device)
  local words = ("%s: %s, %s"):format(device.title, kind, M.card_words(device))
  local user, labels = M.user_words(device), label_words(device.labels)
  return words .. (user and ", " .. user or "") .. (labels ~= "" and ", " .. labels or "")
    .. (device.why and ": " .. device.why or "")
end

local function device_row(block, row)
  local device, x = row.device, block.x
  return ('<g><title>%s</title><g transform="translate(%s %s)">%s</g>%s%s%s</g>'):format(
    text(device_words(device)), number(x + 18), number(row.y), SHAPES[M.kind_of(device)],
    label(x + 34, row.y, "name", device.name or device.id, 19),
    label(x + 184, row.y, "quiet", M.card_words(device), 29),
    label(x + 398, row.y, "quiet", label_words(device.labels), 23))
end

local function box_block(block)
  local free = 0
  for _, row in ipairs(block.rows) do
    free = free + (row.device.state == "free" and 1 or 0)
  end
  local words = ("%d device%s, %d free"):format(#block.rows, #block.rows == 1 and "" or "s", free)
  local parts = {
    '<g class="io">', "<title>" .. text(block.title .. ": " .. words) .. "</title>",
    frame(block, "box", block.title),
    label(block.x + block.width - 12, block.y + layout.HEAD / 2, "quiet", words, 30, "end"),
  }
  for _, row in ipairs(block.rows) do
    parts[#parts + 1] = device_row(block, row)
  end
  parts[#parts + 1] = "</g>"
  return table.concat(parts)
end

local STUB = 14

-- The two ends of links that go far, each with the name of the other. Several links of one machine
-- share an end.
local function far_ends(links)
  local parts, ends, order = {}, {}, {}
  for _, link in ipairs(links) do
    if link.far then
      parts[#parts + 1] = ('<path class="link" d="M%s %sh%d"/>'):format(number(link.x2),
        number(link.y2), -STUB)
      parts[#parts + 1] = label(link.x2 - STUB - 4, link.y2, "far",
        (link.vm and link.vm.key .. " on " or "") .. link.node.name, 16, "end")
      local key = number(link.y1)
      if not ends[key] then
        ends[key] = { link = link, names = {} }
        order[#order + 1] = key
      end
      table.insert(ends[key].names, link.device.name or link.device.id)
    end
  end
  for _, key in ipairs(order) do
    local one = ends[key]
    parts[#parts + 1] = ('<path class="link" d="M%s %sh%d"/>'):format(number(one.link.x1), key,
      STUB)
    parts[#parts + 1] = label(one.link.x1 + STUB + 4, one.link.y1, "far",
      table.concat(one.names, ", "), 14)
  end
  return table.concat(parts, "\n")
end

local function link_path(link)
  local device = link.device
  local middle = (link.x1 + link.x2) / 2
  local class = device.link == "down" and "link down" or device.users and "link maybe"
    or device.vm_running and "link used" or "link"
  local user = link.vm and link.vm.key .. " on " or ""
  local title = ("%s - %s%s"):format(device.name or device.id, user, link.node.name)
  return ('<path class="%s" d="M%s %sC%s %s %s %s %s %s"><title>%s%s</title></path>'):format(class,
    number(link.x1), number(link.y1), number(middle), number(link.y1), number(middle),
    number(link.y2), number(link.x2), number(link.y2), text(title),
    device.link == "down" and " (link down)" or "")
end

-- The SVG element. `summary`: one sentence, for those who do not see it.
---@param situation Situation
---@param summary string
---@return string
function M.svg(situation, summary)
  local drawn = layout.of(situation)
  local parts = {
    ('<svg class="topology" role="img" aria-labelledby="drawing-title drawing-text" '
      .. 'viewBox="0 0 %d %d" width="%d" height="%d">'):format(drawn.width, drawn.height,
      drawn.width, drawn.height),
    '<title id="drawing-title">Servers, I/O boxes and GPUs</title>',
    ('<desc id="drawing-text">%s The tables below say all that is drawn here.</desc>'):format(
      text(summary)),
    "<g>",
  }
  for _, link in ipairs(drawn.links) do
    if not link.far then
      parts[#parts + 1] = link_path(link)
    end
  end
  parts[#parts + 1] = far_ends(drawn.links)
  parts[#parts + 1] = "</g>"
  for _, block in ipairs(drawn.nodes) do
    parts[#parts + 1] = node_block(block)
  end
  for _, block in ipairs(drawn.boxes) do
    parts[#parts + 1] = box_block(block)
  end
  parts[#parts + 1] = "</svg>"
  return table.concat(parts, "\n")
end

return M
