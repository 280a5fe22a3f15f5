-- parameters.lua, the one file that describes a site: read, checked, and brought into one form.
--
-- The file is Lua text that returns a table, because administrators want comments, locals and one
-- place for a value used twice. It runs with nothing but `secret` and a few harmless functions,
-- under an instruction limit. Every mistake is found before anything is done, and all are told at
-- once, each with file, line, key and the nearest word that would have been right.
local failure = require("failure")
local lines = require("failover.parameters.lines")
local requests = require("failover.parameters.requests")
local schema = require("failover.parameters.schema")
local values = require("failover.parameters.values")

local M = {}

local guard = require("loop").guard

local INSTRUCTIONS_MAX = 5000000 -- some tens of milliseconds; a parameters file needs a few hundred
local SIZE_MAX = "1MiB"

local text, choice, boolean, integer = schema.text, schema.choice, schema.boolean, schema.integer
local seconds, size, secret, list = schema.seconds, schema.size, schema.secret, schema.list
local map, record = schema.map, schema.record
local url, device_id, four_digits = values.url, values.device_id, values.four_digits

-- Given back as the words of the module console.
local function code_page(value, path, report)
  local word = math.type(value) == "integer" and tostring(value) or value
  if type(word) ~= "string" or not require("console").is_code_page(word) then
    return report(path, 'must be "system", "utf-8" or the number of a code page, as in 932')
  end
  return word
end

local few_lines = integer(0, 1000000)
local function line_count(value, path, report)
  local number = few_lines(value, path, report)
  if number and number > 0 and number < 40 then
    return report(path, ("must be 0 (no limit) or at least 40, is %d"):format(number))
  end
  return number
end

local wmi = record({
  url = { url },
  host = { text() },
  user = { text() },
  password = { secret() },
  auth = { choice({ "negotiate", "kerberos", "ntlm", "basic" }) },
  keytab = { text() },
  ticket = { boolean() },
  allow_unencrypted = { boolean() },
  transport = { choice({ "wsman", "local", "dcom" }) },
  ca = { text() },
  insecure = { boolean() },
  timeout = { seconds(1, 3600) },
  connect_timeout = { seconds(0.1, 600) },
  peer_connect_timeout = { seconds(0.1, 600) }, -- the same to a node that is asked for evidence
})

local file = record({
  eem = {
    required = true,
    record({
      url = { url, required = true },
      user = { text() },
      password = { secret() },
      auth = { choice({ "none", "basic", "encoded" }) },
      ca = { text() },
      insecure = { boolean() },
      timeout = { seconds(1, 3600) },
      connect_timeout = { seconds(0.1, 600) },
      connect_within = { seconds(1, 3600) }, -- until the link of a connected device must be up
      wait = { seconds(0, 86400) }, -- for a manager that does not answer, at start
      settle = { seconds(0, 60), default = 1 }, -- until what others may write, too, counts
    }),
  },
  wmi = { wmi },
  nodes = {
    required = true,
    map(text(), record({
      group_id = { integer(16, 4092), required = true },
      address = { text() },
      host_name = { text() }, -- what Windows there calls itself, where that is not the node's name
      board = { device_id },
      wmi = { wmi },
    })),
  },
  devices = {
    default = {},
    map(device_id, record({
      name = { text() },
      labels = { values.labels, default = {} },
      vendor = { four_digits },
      device = { four_digits },
      class = { values.class },
      model = { text() },
      memory = { values.bytes },
      serial = { text() },
      locations = { map(text(), text()), default = {} },
      box = { text() },
    })),
  },
  vms = {
    required = true,
    map(text(), record({
      path = { values.folder, required = true },
      group = { text() },
      id = { values.guid },
      name = { text() },
      gpus = { required = true, list(requests.request, 1) },
      priority = { integer(-1000, 1000), default = 0 }, -- a higher one is placed first
      nodes = { list(text(), 1) }, -- where it may run; absent: everywhere
      mmio = { record({ low = { size() }, high = { size() } }), default = {} },
      heartbeat = { boolean(), default = true },
      guest_gpu = { boolean(), default = false },
      shutdown_timeout = { seconds(1, 86400), default = 120 },
      boot_timeout = { seconds(1, 86400), default = 300 },
      backup = { boolean(), default = true },
      unregister_on_stop = { boolean(), default = true },
      missing_switch = { choice({ "refuse", "disconnect" }), default = "refuse" },
      force_dismount = { boolean(), default = true },
      rescan = { boolean(), default = true },
      start_timeout = { seconds(1, 86400), default = 1800 },
      stop_timeout = { seconds(1, 86400), default = 1800 },
      margin = { seconds(0, 3600), default = 30 },
      monitor = {
        record({ when_unknown = { choice({ "broken", "healthy" }), default = "broken" } }),
        default = { when_unknown = "broken" },
      },
    })),
  },
  placement = {
    record({
      policy = { choice({ "spread", "consolidate" }), default = "spread" },
      preempt = { boolean(), default = false },
      wait = { seconds(0, 86400), default = 0 }, -- for a device, at start
    }),
    default = { policy = "spread", preempt = false, wait = 0 },
  },
  state = { text() },
  secrets = { text() },
  journal = { text() },
  log = {
    record({
      file = { text() },
      format = { choice({ "human", "json" }) },
      level = { choice({ "debug", "info", "warn", "error" }) },
    }),
    default = {},
  },
  console = {
    record({
      code_page = { code_page },
      lines = { line_count, default = 200 },
    }),
    default = { lines = 200 },
  },
  trust_writable_files = { boolean(), default = false },
  quarantine = {
    record({
      first = { seconds(0, 86400), default = 600 },
      most = { seconds(1, 604800), default = 86400 },
    }),
    default = { first = 600, most = 86400 },
  },
  certificate = { choice({ "ignore", "warn", "refuse", "fall back" }), default = "warn" },
  record = { boolean(), default = true }, -- answers, too, so that runs can be replayed
})

-- Every key that the file may have; README.md describes them, and a spec compares.
---@return { key: string, required: boolean, default: any }[]
function M.keys()
  return schema.keys(file)
end

---- what concerns several keys --------------------------------------------------------------------

-- Calls report for the second and later of several that must differ. `entries`: list of
-- { value, path }.
local function must_differ(entries, report, message)
  local first = {}
  for _, entry in ipairs(entries) do
    local value, path = entry[1], entry[2]
    if value ~= nil then
      if first[value] then
        report(path, message:format(first[value]))
      else
        first[value] = path[2]
      end
    end
  end
end

local function check_login(value, path, report)
  if value.keytab or value.ticket then
    if value.password or (value.keytab and value.ticket) then
      report(path, "only one of password, keytab and ticket says who one is")
    end
    return
  end
  if value.user and not value.password then
    report(path, 'the key password is missing; write password = secret "' .. path[#path] .. '"')
  elseif value.password and not value.user and value.auth ~= "encoded" then
    report(path, "the key user is missing")
  end
end

local function check_eem(eem, report)
  local path = { "eem" }
  if eem.auth == "none" then
    if eem.user or eem.password then
      report({ "eem", "auth" }, 'user and password are given, but auth = "none" would not use them')
    end
    return
  end
  if eem.auth == "encoded" and not eem.password then
    report(path, 'the key password is missing; auth = "encoded" needs it')
  elseif not eem.user and not eem.password then
    report(path,
      'user and password are missing; where EEM asks for none, write auth = "none"')
  end
  check_login(eem, path, report)
end

-- Where a node's WMI is reached, and the key that says so.
local function place_of(name, node, shared)
  for _, key in ipairs({ "url", "host" }) do
    if node.wmi and node.wmi[key] then
      return node.wmi[key], { "nodes", name, "wmi", key }
    elseif shared[key] then
      return shared[key], { "wmi", key }
    end
  end
  return node.address or name, node.address and { "nodes", name, "address" } or { "nodes", name }
end

-- Each node is a host of its own: what is seen and done at one address is not two nodes'.
local function check_places(nodes, shared, report)
  local first = {}
  for _, name in ipairs(schema.sorted_keys(nodes)) do
    local place, path = place_of(name, nodes[name], shared)
    place = place:lower():gsub("/+$", "")
    if first[place] then
      report(path, ("nodes %s and %s are reached at one address; each node is a host of its own")
        :format(first[place], name))
    end
    first[place] = first[place] or name
  end
end

-- Basic over plain http gives the password to everybody on the way; to this computer there is none.
-- natives/wmi/wsman refuses the same when a connection is opened, which is too late for a stop.
local function check_basic(nodes, shared, report)
  for _, name in ipairs(schema.sorted_keys(nodes)) do
    local own = nodes[name].wmi or {}
    local function told(key)
      return own[key] == nil and shared[key] or own[key]
    end
    local host = told("auth") == "basic" and told("transport") ~= "dcom"
      and (told("url") or ""):lower():match("^http://(.*)$")
    local here = host and (host:find("^127%.") or host:find("^localhost[:/]")
      or host:find("[::1]", 1, true) == 1)
    if host and not here and not told("allow_unencrypted") then
      local _, path = place_of(name, nodes[name], shared)
      report(path, 'auth = "basic" would send the password in clear: leave auth out (negotiate, '
        .. "encrypted), or use https")
    end
  end
end

local function check_nodes(nodes, shared, report)
  local groups, boards, folded, hosts = {}, {}, {}, {}
  if next(nodes) == nil then
    report({ "nodes" }, "must not be empty")
  end
  for _, name in ipairs(schema.sorted_keys(nodes)) do
    local node = nodes[name]
    groups[#groups + 1] = { node.group_id, { "nodes", name, "group_id" } }
    boards[#boards + 1] = { node.board, { "nodes", name, "board" } }
    folded[#folded + 1] = { name:lower(), { "nodes", name } }
    hosts[#hosts + 1] = { node.host_name and node.host_name:lower(),
      { "nodes", name, "host_name" } }
    if node.wmi then
      check_login(node.wmi, { "nodes", name, "wmi" }, report)
    end
  end
  must_differ(groups, report, "node %s has this group id already; each node needs its own")
  must_differ(boards, report, "node %s has this board already")
  must_differ(folded, report, "node %s has this name already (capital letters do not count)")
  must_differ(hosts, report, "node %s is this host already")
  check_places(nodes, shared, report)
  check_basic(nodes, shared, report)
end

-- One box has one spelling: else devices of one box would count as in two.
local function check_boxes(devices, report)
  local spelt = {}
  for _, id in ipairs(schema.sorted_keys(devices)) do
    local box = devices[id].box
    local other = box and spelt[box:lower()]
    if other and other ~= box then
      report({ "devices", id, "box" }, ('this box is written "%s" elsewhere'):format(other))
    elseif box then
      spelt[box:lower()] = box
    end
  end
end

local function check_devices(devices, nodes, report)
  local names, serials, places = {}, {}, {}
  local known = schema.sorted_keys(nodes)
  for _, id in ipairs(schema.sorted_keys(devices)) do
    local device = devices[id]
    names[#names + 1] = { device.name, { "devices", id, "name" } }
    serials[#serials + 1] = { device.serial and device.serial:lower(), { "devices", id, "serial" } }
    if device.device and not device.vendor then
      report({ "devices", id }, "needs vendor beside device, whose digits are the vendor's own")
    end
    for _, node in ipairs(schema.sorted_keys(device.locations)) do
      local path = { "devices", id, "locations", node }
      if not nodes[node] then
        report(path, "there is no such node" .. schema.suggestion(node, known))
      end
      places[#places + 1] = { node .. " " .. device.locations[node]:lower(), path }
    end
  end
  must_differ(names, report, "device %s has this name already")
  must_differ(serials, report,
    "device %s has this serial already; is it one device in two entries?")
  must_differ(places, report,
    "device %s has this location on this node already; is it one device in two entries?")
  check_boxes(devices, report)
end

local function check_allowed_nodes(allowed, path, nodes, report)
  local places = {}
  for i, node in ipairs(allowed or {}) do
    local at = schema.below(path, i)
    if not nodes[node] then
      report(at, "there is no such node" .. schema.suggestion(node, schema.sorted_keys(nodes)))
    elseif places[node] then
      report(at, "stands here twice")
    end
    places[node] = true
  end
end

local function check_vms(vms, site, nodes, report)
  local ids, names, paths, gpus = {}, {}, {}, {}
  for _, name in ipairs(schema.sorted_keys(vms)) do
    local vm = vms[name]
    local at = { "vms", name }
    ids[#ids + 1] = { vm.id, { "vms", name, "id" } }
    names[#names + 1] = { (vm.name or name):lower(), vm.name and { "vms", name, "name" } or at }
    paths[#paths + 1] = { vm.path and vm.path:lower(), { "vms", name, "path" } }
    requests.check(vm.gpus, { "vms", name, "gpus" }, report, site)
    check_allowed_nodes(vm.nodes, { "vms", name, "nodes" }, nodes, report)
    for i, gpu in ipairs(vm.gpus) do
      gpus[#gpus + 1] = { gpu.id, { "vms", name, "gpus", i, "id" } }
    end
    for _, key in ipairs({ "start_timeout", "stop_timeout" }) do
      if vm[key] and vm.margin and vm[key] <= vm.margin then
        report({ "vms", name, key },
          ("must be longer than the margin, which is %g s"):format(vm.margin))
      end
    end
  end
  must_differ(ids, report, "virtual machine %s has this id already")
  must_differ(names, report, "virtual machine %s has this name already")
  must_differ(paths, report, "virtual machine %s has this path already")
  must_differ(gpus, report, "virtual machine %s asks for this device already")
end

---- one form for what reads it --------------------------------------------------------------------

local function normalise(value)
  for name, node in pairs(value.nodes) do
    local merged = {}
    for _, from in ipairs({ value.wmi or {}, node.wmi or {} }) do
      for key, entry in pairs(from) do
        merged[key] = entry
      end
    end
    node.wmi_place_told = (merged.url or merged.host) and true or nil
    if not merged.url and not merged.host then
      merged.host = node.address or name
    end
    node.wmi = merged
    node.name = name
  end
  for id, device in pairs(value.devices) do
    device.id = id
  end
  for key, vm in pairs(value.vms) do
    vm.key = key
    vm.name = vm.name or key
    for i, request in ipairs(vm.gpus) do
      vm.gpus[i] = requests.normalise(request)
    end
  end
  return value
end

---- reading ---------------------------------------------------------------------------------------

local function readable_path(path)
  local parts = {}
  for i, key in ipairs(path) do
    if math.type(key) then
      parts[#parts + 1] = ("[%d]"):format(key)
    elseif tostring(key):find("^[%a_][%w_]*$") then
      parts[#parts + 1] = (i > 1 and "." or "") .. tostring(key)
    else
      parts[#parts + 1] = ('["%s"]'):format(tostring(key))
    end
  end
  return table.concat(parts)
end

-- The functions that a parameters file may use.
local function environment()
  local env = {
    secret = require("secret").reference,
    tostring = tostring, tonumber = tonumber, pairs = pairs, ipairs = ipairs, type = type,
    string = { format = string.format, lower = string.lower, upper = string.upper },
    table = { concat = table.concat, insert = table.insert, unpack = table.unpack },
    math = { floor = math.floor, max = math.max, min = math.min },
  }
  return setmetatable(env, {
    __index = function(_, name)
      error(('there is no %s here; use plain values and secret "name"'):format(name), 2)
    end,
  })
end

-- Methods of texts are those of the environment, too: others take long, or much memory.
local function run_limited(chunk, env)
  local ok, value = require("loop").limited(chunk, INSTRUCTIONS_MAX, env.string)
  if not ok then
    return nil, value
  end
  return value
end

---@class Mistake
---@field file string
---@field line integer
---@field path string the key, as in vms.vme2.gpus[1].id; empty when the whole file is meant
---@field message string
---@field text string all of it in one line

-- Checks the text of a parameters file.
---@param content string
---@param name string file name for messages
---@return table? parameters nil when there are mistakes
---@return Mistake[] mistakes in the order of their lines
function M.check(content, name)
  local mistakes = {}
  local function add(line, path, message)
    local mistake = { file = name, line = line, path = path, message = message }
    mistake.text = ("%s:%d: %s%s"):format(name, line, path ~= "" and path .. ": " or "", message)
    mistakes[#mistakes + 1] = mistake
  end
  -- A chunk's message begins with its place: file:line:
  local function add_message(message)
    local line, rest = message:match(":(%d+): (.*)$")
    add(tonumber(line) or 1, "", rest or message)
  end

  content = content:gsub("^\xef\xbb\xbf", ""):gsub("\r\n", "\n")
  local env = environment()
  local chunk, syntax = load(content, "=parameters", "t", env)
  if not chunk then
    add_message(syntax)
    return nil, mistakes
  end
  local value, why = run_limited(chunk, env)
  if why then
    add_message(why)
    return nil, mistakes
  elseif type(value) ~= "table" then
    local what = value == nil and "nothing" or schema.kind_of(value)
    add(1, "", "must return a table, returns " .. what)
    return nil, mistakes
  end

  local ok, root = pcall(lines.read, content)
  if not ok then
    root = { line = 1, fields = {} }
  end
  local function report(path, message)
    add(lines.find(root, path), readable_path(path), message)
  end
  lines.each_copy(root, function(path, line)
    add(line, readable_path(path), "stands here twice; only the last one would count")
  end)
  local function judge()
    local result = file(value, {}, report)
    if #mistakes > 0 then
      return nil
    end
    check_eem(result.eem, report)
    if result.wmi then
      check_login(result.wmi, { "wmi" }, report)
    end
    check_nodes(result.nodes, result.wmi or {}, report)
    check_devices(result.devices, result.nodes, report)
    check_vms(result.vms, requests.site(result.devices), result.nodes, report)
    if result.quarantine.most < result.quarantine.first then
      report({ "quarantine", "most" }, ("must not be shorter than first, which is %g s"):format(
        result.quarantine.first))
    end
    return #mistakes == 0 and normalise(result) or nil
  end
  local judged, result = guard(judge)
  if not judged then -- whatever is in the file: it is the file that is wrong
    add(1, "", "cannot be understood: " .. result.message)
  end
  if #mistakes > 0 then
    table.sort(mistakes, function(a, b)
      if a.line ~= b.line then
        return a.line < b.line
      end
      return a.text < b.text
    end)
    return nil, mistakes
  end
  return result, mistakes
end

-- Reads and checks a parameters file. Raises CONFIG with every mistake in details.mistakes,
-- FS_NOT_FOUND, FS_UNSAFE. The file is a program that may run as SYSTEM, so who may write to it is
-- asked before it runs; its own key trust_writable_files therefore speaks for sequences only.
---@param path string
---@param options { trust_writable_files: boolean? }?
---@return table parameters with field `file`
function M.load(path, options)
  local fs = require("fs")
  local trust = options and options.trust_writable_files
  local content = fs.read(path, { max = SIZE_MAX, judge = not trust and "change" or nil })
  local result, mistakes = M.check(content, path)
  if not result then
    local texts = {}
    for i, mistake in ipairs(mistakes) do
      texts[i] = mistake.text
    end
    failure.raise({
      code = "CONFIG",
      message = table.concat(texts, "\n"),
      target = path,
      details = { mistakes = mistakes },
    })
  end
  result.file = path
  return result
end

return M
