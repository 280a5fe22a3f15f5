-- The simulated cluster over real sockets: one world, ExpEther Manager's REST face, a WS-Management
-- face for each node, and the administrator's endpoint. A node without power has no server:
-- connections to it come to nothing, or are refused (switch dead_nodes), and it comes back on the
-- port that it had.
local admin = require("lab.admin")
local eem_rest = require("lab.eem_rest")
local httpd = require("httpd")
local login = require("lab.login")
local scheduler = require("core.scheduler")
local world_module = require("lab.world")
local seal = require("seal")
local wsman = require("lab.wsman")

local M = {}

---@class LabServer
---@field world table
---@field eem_url string
---@field admin_url string
---@field nodes table<string, { url: string, name: string }>
---@field quit boolean somebody asked for the end
local Lab = {}
Lab.__index = Lab

local TICK = 0.02 -- seconds between looks at nodes that boot by themselves

-- Ports are chosen below those that the system hands out for outgoing connections, so that nothing
-- takes a node's port while it is without power.
local PORT_FIRST, PORT_LAST, PORT_TRIES = 10240, 32000, 100

local function listen_at(lab, face, port, secure)
  local tls = secure and lab.options.tls or {}
  return httpd.listen({
    address = lab.options.address,
    port = port,
    certificate = tls.certificate,
    key = tls.key,
    handler = function(request)
      return face:handle(request)
    end,
  })
end

local function listen(lab, face, port, secure)
  if port then
    return listen_at(lab, face, port, secure)
  end
  local problem
  for _ = 1, PORT_TRIES do
    local ok, server = pcall(listen_at, lab, face, math.random(PORT_FIRST, PORT_LAST), secure)
    if ok then
      return server
    end
    problem = server
  end
  error(problem, 0)
end

function Lab:url(server_port, path, secure)
  return ("%s://%s:%d%s"):format(secure and self.options.tls and "https" or "http",
    self.options.address or "127.0.0.1", server_port, path)
end

local function close_server(entry)
  if entry.server then
    entry.server:close()
  end
  entry.server, entry.silent = nil, nil
end

-- A node that is down says nothing on its port, or refuses.
local function fall_silent(lab, entry)
  local silent = lab.world.switches.dead_nodes == "silent"
  if entry.silent == silent then
    return
  end
  close_server(entry)
  if silent then
    local ok, server = pcall(httpd.listen, { silent = true, address = lab.options.address,
      port = entry.port })
    entry.server = ok and server or nil -- somebody has its port: the next look tries again
  end
  entry.silent = entry.server ~= nil
end

-- Servers of nodes that have lost power are closed, those of nodes that are up again opened.
function Lab:follow_power()
  for name, entry in pairs(self.nodes) do
    local node = self.world:node(name)
    if node and not node.up then
      fall_silent(self, entry)
    elseif not node then
      close_server(entry)
    elseif not entry.server or entry.silent then
      close_server(entry)
      local ok, server = pcall(listen, self, entry.face, entry.port, true)
      entry.server = ok and server or nil -- somebody has its port: the next look tries again
    end
  end
end

-- WS-Management of a node, behind the login that the lab was asked for.
local function new_face(lab, name)
  local options = lab.options
  local negotiates = options.auth == "negotiate"
  local face = wsman.new({
    world = lab.current_world, node = name,
    user = not negotiates and options.user or nil, password = options.password,
    challenge = negotiates and login.OFFER or nil,
    fault_form = options.fault_form, fragments = options.fragments,
    max_envelope = options.max_envelope,
  })
  if not negotiates then
    return face
  end
  return login.new({
    face = face, keytab = options.keytab, user = options.user, strict = options.strict_binding,
    binding = options.tls and seal.binding(options.tls.certificate) or nil,
  })
end

local function add_node(lab, name)
  if lab.nodes[name] then
    return
  end
  local options = lab.options
  local entry = { name = name, port = options.ports and options.ports[name] or nil }
  entry.face = new_face(lab, name)
  entry.server = listen(lab, entry.face, entry.port, true)
  entry.port = entry.server:port()
  entry.url = lab:url(entry.port, "/wsman", true)
  lab.nodes[name] = entry
end

local function load_cluster(cluster)
  if type(cluster) == "table" then
    return cluster
  end
  local name = "lab.clusters." .. (cluster or "seed")
  if not name:find("^[%w_.%-]+$") or not package.searchpath(name, package.path) then
    error("there is no cluster '" .. cluster .. "'", 0)
  end
  return require(name)
end

-- A new world; addresses stay. Nodes that the new cluster does not have lose their server.
---@param options LabOptions? only what concerns the world
function Lab:reset(options)
  options = options or {}
  local own = self.options
  self.world = world_module.new({
    clock = scheduler,
    cluster = load_cluster(options.cluster or own.cluster),
    latency = options.latency or own.latency,
    switches = options.switches or own.switches,
    vms = options.vms or own.vms,
    nodes = options.nodes or own.nodes,
    devices = options.devices or own.devices,
    epoch = options.epoch or own.epoch,
  })
  for _, node in ipairs(self.world:nodes()) do
    add_node(self, node.name)
  end
  self:follow_power()
end

-- Everything that one needs to talk to it, as plain data.
function Lab:addresses()
  local nodes = {}
  for _, node in ipairs(self.world:nodes()) do
    nodes[node.name] = { url = self.nodes[node.name].url }
  end
  return { eem = self.eem_url, admin = self.admin_url, nodes = nodes }
end

-- Closing twice is harmless.
function Lab:close()
  self.closed = true
  for _, entry in pairs(self.nodes) do
    close_server(entry)
  end
  close_server(self.eem_entry)
  close_server(self.admin_entry)
end

local KNOWN = {
  cluster = true, latency = true, switches = true, vms = true, nodes = true, devices = true,
  epoch = true, user = true, password = true, tls = true, address = true, ports = true,
  fault_form = true, fragments = true, max_envelope = true, auth = true, keytab = true,
  strict_binding = true,
}

---@class LabOptions
---@field cluster string|table|nil name of one in lab/clusters, default "seed"
---@field latency table|number|nil as docs/lab.md says; so are switches, vms, nodes, devices, epoch
---@field user string?             with password: EEM and the nodes ask for them
---@field password string?
---@field auth "basic"|"negotiate"|nil how the nodes ask; negotiate: logins and encryption as a
---                                  Windows server has them
---@field keytab string?           with negotiate: the nodes' keys; nil: the system's
---@field strict_binding boolean?  with negotiate and tls: CbtHardeningLevel=Strict
---@field tls table?               { certificate =, key = } PEM texts, for EEM and the nodes
---@field address string?          default "127.0.0.1"
---@field ports table?             { eem =, admin =, <node> = }; chosen freely where absent
---@field fault_form string?       HRESULTs as "wmi" (MSFT_WmiError, default) or "wsman"
---@field fragments boolean?       a query's columns come as XmlFragment, default true
---@field max_envelope integer?    bytes that a node sends at most

-- Starts a lab in the running process.
---@param options LabOptions?
---@return LabServer
function M.start(options)
  options = options or {}
  for name in pairs(options) do
    if not KNOWN[name] then
      error("lab.server.start: there is no option \"" .. tostring(name) .. "\"", 2)
    end
  end
  local lab = setmetatable({ options = options, nodes = {}, quit = false, closed = false }, Lab)
  lab.current_world = function()
    return lab.world
  end
  local ports = options.ports or {}
  lab.eem_face = eem_rest.new({
    world = lab.current_world, user = options.user, password = options.password })
  lab.eem_entry, lab.admin_entry = {}, {}
  local ok, problem = pcall(function()
    lab:reset()
    lab.eem_entry.server = listen(lab, lab.eem_face, ports.eem, true)
    lab.admin_entry.server = listen(lab, admin.new(lab), ports.admin, false)
  end)
  if not ok then
    lab:close()
    error(problem, 0)
  end
  lab.eem_url = lab:url(lab.eem_entry.server:port(), "/eem", true)
  lab.admin_url = lab:url(lab.admin_entry.server:port(), "/lab", false)
  scheduler.spawn_family(function()
    while not lab.closed do
      scheduler.sleep(TICK)
      if not lab.closed and lab.world:next_event() then
        lab.world:advance()
        lab:follow_power()
      end
    end
  end)
  return lab
end

return M
