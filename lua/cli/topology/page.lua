-- One HTML page that shows a cluster: a drawing, and the same as tables. It needs nothing beside
-- itself: no script, no font, no picture from elsewhere, which its own policy also forbids.
local drawing = require("cli.topology.drawing")
local html = require("cli.topology.html")
local situations = require("cli.situation")

local M = {}

local text = html.text

local WIDE = 40 -- bytes of a cell from which on it may take several lines

local STYLE = [[
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1f24; --quiet: #57606a; --line: #d0d7de; --block: #f6f8fa;
  --blue: #0550ae; --green: #1a7f37; --amber: #8a5300; --red: #b3261e; --violet: #6639ba; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #0d1117; --ink: #e6edf3; --quiet: #9da7b3; --line: #3d444d; --block: #161b22;
  --blue: #79b8ff; --green: #56d364; --amber: #e3a33b; --red: #ff8a80; --violet: #c9a6ff; } }
body { margin: 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; max-width: 75ch; } .quiet { color: var(--quiet); }
ul { margin: .4rem 0; padding-left: 1.2rem; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; }
.mark { width: 1em; height: 1em; vertical-align: -.12em; margin-right: .4em; overflow: visible; }
.drawing, .wide { overflow-x: auto; }
.topology { display: block; max-width: none; }
.topology text { font: 13px system-ui, "Segoe UI", sans-serif; fill: var(--ink); }
.topology .title { font-weight: 600; } .topology text.quiet { fill: var(--quiet); }
.topology .good { fill: var(--green); } .topology .warn { fill: var(--amber); }
.topology .bad { fill: var(--red); }
.topology .far { fill: var(--quiet); font-size: 11px; paint-order: stroke;
  stroke: var(--paper); stroke-width: 4px; }
.box { fill: var(--block); stroke: var(--line); } .away { stroke: var(--red);
  stroke-dasharray: 5 4; }
.link { fill: none; stroke: var(--quiet); stroke-width: 1.5; opacity: .75; }
.link.used { stroke: var(--blue); } .link.maybe { stroke: var(--amber); stroke-dasharray: 2 4; }
.link.down { stroke: var(--red); stroke-dasharray: 7 4; }
.link:hover { stroke-width: 4; opacity: 1; }
.s-used { fill: var(--blue); stroke: var(--blue); } .s-idle { fill: none; stroke: var(--blue);
  stroke-width: 2.5; }
.s-free { fill: none; stroke: var(--green); stroke-width: 2.5; stroke-dasharray: 3 2; }
.s-quarantined { fill: var(--amber); } .s-foreign { fill: var(--violet); }
.s-missing { fill: none; stroke: var(--red); stroke-width: 3; }
table { border-collapse: collapse; font-size: .9rem; }
caption { text-align: left; font-weight: 600; font-size: 1.15rem; padding: 1.6rem 0 .4rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0;
  border-bottom: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 600; } tbody th { font-weight: 600; }
tbody th .quiet { font-weight: 400; font-size: .85em; }
td, th { white-space: nowrap; } td.long { white-space: normal; min-width: 16rem; }
@media print { .drawing { overflow: visible; } }
]]

---- tables ----------------------------------------------------------------------------------------

-- Cells are texts; `raw` of a cell stands before it as it is, `below` under it; the first is the
-- row's head.
local function table_of(caption, header, rows, empty)
  local parts = { '<div class="wide"><table>', "<caption>" .. text(caption) .. "</caption>" }
  parts[3] = "<thead><tr>"
  for _, title in ipairs(header) do
    parts[#parts + 1] = '<th scope="col">' .. text(title) .. "</th>"
  end
  parts[#parts + 1] = "</tr></thead>\n<tbody>"
  for _, row in ipairs(rows) do
    parts[#parts + 1] = "<tr>"
    for i = 1, #header do
      local cell = row[i]
      local raw, below = "", ""
      if type(cell) == "table" then
        raw = cell.raw or ""
        below = cell.below and '<br><span class="quiet">' .. text(cell.below) .. "</span>" or ""
        cell = cell.text
      end
      local long = (i == #header or #(cell or "") > WIDE) and ' class="long"' or ""
      parts[#parts + 1] = i == 1 and ('<th scope="row">%s%s</th>'):format(text(cell), below)
        or ("<td%s>%s%s%s</td>"):format(long, raw, text(cell), below)
    end
    parts[#parts + 1] = "</tr>\n"
  end
  if #rows == 0 then
    parts[#parts + 1] = ('<tr><td colspan="%d">%s</td></tr>\n'):format(#header, text(empty))
  end
  parts[#parts + 1] = "</tbody></table></div>"
  return table.concat(parts)
end

local function devices_table(situation)
  local rows = {}
  for i, device in ipairs(situation.devices) do
    local id = device.kind == "card" and device.name and device.id or nil -- a share's is a path
    rows[i] = {
      { text = device.name or device.id, below = id },
      { raw = drawing.mark(drawing.kind_of(device)), text = device.state }, device.node,
      drawing.user_words(device), drawing.card_words(device), device.identity,
      situations.label_words(device.labels), device.box, device.link, device.why,
    }
  end
  return table_of("Devices", {
    "device", "state", "server", "virtual machine", "card", "identity", "labels", "box",
    "link", "remarks",
  }, rows, "no device")
end

local function vms_table(situation)
  local names, rows = {}, {}
  for _, device in ipairs(situation.devices) do
    names[device.id] = device.name
  end
  for i, vm in ipairs(situation.vms) do
    local has, wants = {}, {}
    for k, id in ipairs(vm.devices) do
      has[k] = names[id] or id
    end
    if vm.unresolved then
      has[#has + 1] = ("%d that cannot be told apart"):format(vm.unresolved)
    end
    for k, request in ipairs(vm.requests) do
      wants[k] = names[request.alternatives[1].id] or request.title
    end
    rows[i] = {
      vm.key, vm.node, vm.state, vm.heartbeat, table.concat(has, ", "),
      vm.degraded and "degraded" or "", ("%d"):format(vm.priority), table.concat(wants, "; "),
    }
  end
  return table_of("Virtual machines", {
    "virtual machine", "server", "state", "heartbeat", "devices", "", "priority", "asks for",
  }, rows, "no virtual machine")
end

local function nodes_table(situation)
  local rows = {}
  for i, node in ipairs(situation.nodes) do
    rows[i] = {
      node.name, ("%d"):format(node.group_id), drawing.node_words(node), node.board, node.why,
    }
  end
  return table_of("Servers", { "server", "group", "state", "board", "remarks" }, rows, "no server")
end

---- the page --------------------------------------------------------------------------------------

local function plural(count, word)
  return ("%d %s%s"):format(count, word, count == 1 and "" or "s")
end

-- One sentence about all of it.
---@return string
function M.summary(situation)
  local count, running, away, words = {}, 0, 0, {}
  for _, device in ipairs(situation.devices) do
    local kind = drawing.kind_of(device)
    count[kind] = (count[kind] or 0) + 1
  end
  for _, entry in ipairs(drawing.LEGEND) do
    if count[entry[1]] then
      words[#words + 1] = count[entry[1]] .. " " .. entry[1]
    end
  end
  for _, vm in ipairs(situation.vms) do
    running = running + (vm.running and 1 or 0)
  end
  for _, node in ipairs(situation.nodes) do
    away = away + (node.reachable and 0 or 1)
  end
  return ("%s (%s); %s, %d of them running; %s%s."):format(plural(#situation.devices, "device"),
    #words > 0 and table.concat(words, ", ") or "none", plural(#situation.vms, "virtual machine"),
    running, plural(#situation.nodes, "server"),
    away > 0 and (", %d of which %s not answer"):format(away, away == 1 and "does" or "do") or "")
end

local function legend()
  local parts = { '<ul class="legend">' }
  for _, entry in ipairs(drawing.LEGEND) do
    parts[#parts + 1] = ("<li>%s%s</li>"):format(drawing.mark(entry[1]), text(entry[2]))
  end
  parts[#parts + 1] = "</ul>"
  return table.concat(parts)
end

local function warnings(situation)
  if #situation.warnings == 0 then
    return ""
  end
  local parts = { "<h2>Warnings</h2>\n<ul>" }
  for _, warning in ipairs(situation.warnings) do
    parts[#parts + 1] = "<li>" .. text(warning) .. "</li>"
  end
  parts[#parts + 1] = "</ul>"
  return table.concat(parts, "\n")
end

-- options: at (seconds since 1970: when it was seen), remark (a sentence about what is left out).
---@param situation Situation
---@param options { at: number, remark: string? }
---@return string
function M.of(situation, options)
  local summary = M.summary(situation)
  return table.concat({
    "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
      .. "style-src 'unsafe-inline'\">",
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    "<title>GPUs of the cluster</title>", "<style>", STYLE .. "</style>", "</head>", "<body>",
    "<h1>GPUs of the cluster</h1>", "<p>" .. text(summary) .. "</p>",
    ('<p class="quiet">As seen by takeover at %s UTC.%s</p>'):format(
      os.date("!%Y-%m-%d %H:%M:%S", math.floor(options.at)),
      options.remark and " " .. text(options.remark) or ""),
    warnings(situation), legend(),
    '<div class="drawing">', drawing.svg(situation, summary), "</div>",
    devices_table(situation), vms_table(situation), nodes_table(situation),
    "</body>", "</html>", "",
  }, "\n")
end

return M
