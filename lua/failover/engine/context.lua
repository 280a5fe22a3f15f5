-- What a step gets: the virtual machine, this node, the others, and watched handles to the
-- world, opened when first used.
--
-- Fields for steps:
--   c.vm, c.vm_name, c.node, c.this    parameters of the virtual machine, this node's name and
-- parameters
--   c.parameters, c.ecx, c.evidence    everything in parameters.lua, CLP_* as words, the
-- operator's word
--   c.eem, c.hyperv, c.pnp, c.files    the world, on this node
--   c.cluster                          the cluster engine: stop_group(group), peer(name), see
-- failover/cluster
--   c:peers(), c:peer(name)            the other nodes: names; { hyperv, pnp, files } of one
--   c.gpus                             what gpu.chosen found; later steps add what they learn
--   c.shares                           shares of GPUs that it found (steps/gpu_partition.lua)
--   c.claims                           locks of devices against other runs
-- (failover/devices/claim.lua)
--   c.quarantine                       devices that failed lately (failover/devices/quarantine.lua)
--   c.costs                            what taking a device costs, by id
-- (failover/devices/attach_history.lua)
--   c.memory                           what steps remember of this run
--   c:note(text [, data])              a remark for people, the log and the journal
--   c:note_once(text)                  the same, once in this run
local failure = require("failure")
local recorder = require("failover.engine.recorder")
local attach_history = require("failover.devices.attach_history")
local journal_writer = require("failover.engine.journal_writer")
local quarantine = require("failover.devices.quarantine")
local wmi_transport = require("failover.engine.transport")

local M = {}

-- Seconds until the connection to another node stands, where nothing is told: three attempts of
-- TCP. Another node is asked for evidence only, and a dead one must not cost the run its time.
local PEER_CONNECT = 5
local JOB_TIMEOUT = 86400 -- seconds, as good as none: the step's own time ends the wait for a job

local Context = {}

local real = {
  eem = function(options)
    return require("eem").open(options)
  end,
  wmi = function(options)
    return require("wmi").open(options)
  end,
  hyperv = function(connection, options)
    return require("hyperv").open(connection, options)
  end,
  pnp = function(connection)
    return require("pnp").open(connection)
  end,
  files = function(connection)
    return require("fs").open(connection)
  end,
  -- the cluster manager has no connection: its commands are on this host
  cluster = function(name, environment)
    return require("failover.cluster").open(name, environment)
  end,
}

local function resolved(self, options)
  local copy = {}
  for key, value in pairs(options) do
    copy[key] = value
  end
  if copy.password then
    copy.password = self.secret(copy.password)
  end
  copy.connect_within, copy.settle, copy.wait = nil, nil, nil -- concern steps, not the native
  return copy
end

-- Options for wmi.open on a node.
---@param name string
---@param namespace string
---@return table
function Context:wmi_options(name, namespace)
  local node, own = self.parameters.nodes[name], name == self.node
  local options = resolved(self, wmi_transport.options(node, own, wmi_transport.here()))
  options.namespace = namespace
  if not own then
    options.connect_timeout = options.peer_connect_timeout or options.connect_timeout
      or PEER_CONNECT
  end
  options.peer_connect_timeout = nil
  return options
end

local function keep(self, handle)
  self.handles[#self.handles + 1] = handle
  return handle
end

-- A watched handle, which fn opens.
local function watch(self, native, where, fn)
  return recorder.open(native, where, self.observer, function()
    return keep(self, fn())
  end)
end

-- Handles to one host, made when first asked for.
local function host(self, name)
  local connections = {}
  local function connection(namespace)
    if not connections.base then
      local options = self:wmi_options(name, namespace)
      connections.base = keep(self, self.natives.wmi(options, name))
      connections[namespace] = connections.base
    elseif not connections[namespace] then
      connections[namespace] = keep(self, connections.base:namespace(namespace))
    end
    return connections[namespace]
  end
  local makers = {
    hyperv = function()
      return watch(self, "hyperv", name, function()
        local expected = self.parameters.nodes[name].host_name or name
        return self.natives.hyperv(connection("root/virtualization/v2"), {
          host = expected, node = name, job_timeout = JOB_TIMEOUT,
        })
      end)
    end,
    pnp = function()
      return watch(self, "pnp", name, function()
        return self.natives.pnp(connection("root/cimv2"))
      end)
    end,
    files = function()
      return watch(self, "files", name, function()
        return self.natives.files(connection("root/cimv2"))
      end)
    end,
  }
  return setmetatable({ name = name }, {
    __index = function(handles, key)
      local make = makers[key]
      if not make then
        error("a node has hyperv, pnp and files, not " .. tostring(key), 2)
      end
      local handle = make()
      rawset(handles, key, handle)
      return handle
    end,
  })
end

local lazy = {
  costs = function(self)
    return attach_history.from(self.journal.journal)
  end,
  eem = function(self)
    return watch(self, "eem", nil, function()
      return self.natives.eem(resolved(self, self.parameters.eem))
    end)
  end,
  cluster = function(self)
    return watch(self, "cluster", nil, function()
      return self.natives.cluster(self.cluster_name, self.ecx)
    end)
  end,
  hyperv = function(self)
    return self:peer(self.node).hyperv
  end,
  pnp = function(self)
    return self:peer(self.node).pnp
  end,
  files = function(self)
    return self:peer(self.node).files
  end,
}

-- Fields that may be absent without being a mistake.
local optional = {
  evidence = true, vm = true, vm_name = true, vm_id = true, listener = true, gpus = true,
  shares = true, claims = true,
}

local function index(self, key)
  if Context[key] then
    return Context[key]
  end
  if lazy[key] then
    local handle = lazy[key](self)
    rawset(self, key, handle)
    return handle
  end
  if optional[key] then
    return nil
  end
  error(string.format("the context has no field %q (see failover/engine/context.lua)",
    tostring(key)), 2)
end

-- options: parameters (validated), vm (name, may be nil), node (name), evidence, ecx, cluster (the
-- engine's name), journal,
-- secret (function that
-- resolves a reference), natives (replaces what opens handles: the simulator), record (the journal
-- gets all that a replay needs), fresh (see Observer),
-- quarantine (a store of failover/devices/quarantine.lua), wall (the time of day).
---@return Context
function M.open(options)
  local parameters = options.parameters
  local vm = options.vm and parameters.vms[options.vm]
  if options.vm and not vm then
    failure.raise({ code = "CONFIG", message = "there is no virtual machine " .. options.vm
      .. " in the parameters" })
  end
  if not parameters.nodes[options.node] then
    failure.raise({ code = "CONFIG", message = "there is no node " .. tostring(options.node)
      .. " in the parameters" })
  end
  local self = {
    parameters = parameters, vm = vm, vm_name = options.vm, node = options.node,
    this = parameters.nodes[options.node], evidence = options.evidence, ecx = options.ecx or {},
    claims = options.claims, cluster_name = options.cluster or "ecx",
    natives = options.natives or real, handles = {}, hosts = {}, warnings = {}, memory = {},
    secret = options.secret or function(reference)
      return require("secret").resolve(reference, { directory = parameters.secrets })
    end,
  }
  setmetatable(self, { __index = index })
  rawset(self, "costs", options.costs)
  self.journal = journal_writer.new(options.journal, function(text)
    self.warnings[#self.warnings + 1] = text
  end)
  self.quarantine = quarantine.open({
    store = options.quarantine, settings = parameters.quarantine, wall = options.wall,
    node = options.node,
    warn = function(text)
      self.warnings[#self.warnings + 1] = text
    end,
  })
  self.observer = {
    changes = 0, answers = {}, recording = options.journal and options.record or false,
    fresh = options.fresh, only_changes = options.journal and options.journal.only_changes,
    call = function(observer, record)
      local kept = self.journal:call(record)
      if kept == false and observer.recording and not observer.cut then
        observer.cut = true
        self.journal:note(("the answer to %s:%s is too long to be recorded: this run cannot be "
          .. "replayed"):format(record.native, record.verb))
      end
    end,
  }
  return self
end

-- The other nodes' names, sorted.
function Context:peers()
  local names = {}
  for name in pairs(self.parameters.nodes) do
    if name ~= self.node then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

function Context:peer(name)
  if not self.hosts[name] then
    self.hosts[name] = host(self, name)
  end
  return self.hosts[name]
end

function Context:note(text, data)
  self.journal:note(text, data)
  if self.listener then
    self.listener({ kind = "note", text = text })
  end
end

-- A remark that several looks would make, once.
function Context:note_once(text)
  self.noted = rawget(self, "noted") or {}
  if not self.noted[text] then
    self.noted[text] = true
    self:note(text)
  end
end

function Context:close()
  for i = #self.handles, 1, -1 do
    self.handles[i]:close()
  end
  self.handles, self.hosts = {}, {}
end

return M
