-- What the explorer's schedules are played in: clusters, parameters, latencies, sequences.
local failover = require("failover")

local M = {}

M.commands = { "start", "stop", "prepare", "recover", "monitor" }

-- Short, but not nothing: branches overlap and jobs are still at work when something strikes.
local LATENCY = {
  link = 0.2, unlink = 0.1, enumerate = 0.1, list_lag = 0.05, dismount = 0.1, mount = 0.1,
  assign = 0.05, remove = 0.05, import = 0.1, validate = 0.05, realize = 0.05, destroy = 0.05,
  modify = 0.05, start = 0.2, turn_off = 0.1, boot = 0.1, shutdown = 0.3, node_boot = 5,
}

-- What the clusters are called and what is in them: virtual machines with their disks and first
-- owners; gpus, where they ask by description.
local clusters = {
  seed = {
    nodes = { "ms1", "ms2" }, vms = { { name = "vme2", disk = "G:", owner = "ms1" } },
  },
  quad = {
    nodes = { "ms1", "ms2", "ms3", "ms4" },
    vms = {
      { name = "vme2", disk = "G:", owner = "ms1" }, { name = "vme3", disk = "H:", owner = "ms2" },
      { name = "vme4", disk = "I:", owner = "ms1" },
    },
  },
  pool = {
    nodes = { "ms1", "ms2", "ms3", "ms4" }, gpus = { { vendor = "10de", device = "1f08" } },
    vms = {
      { name = "vme2", disk = "G:", owner = "ms1" }, { name = "vme3", disk = "H:", owner = "ms2" },
      { name = "vme4", disk = "I:", owner = "ms1" },
    },
  },
  -- the guest's own word on its GPU counts
  witness = {
    nodes = { "ms1", "ms2" }, vms = { { name = "vme2", disk = "G:", owner = "ms1" } },
    definition = "seed", guest_gpu = true,
  },
  twins = {
    nodes = { "ms1", "ms2" }, vms = { { name = "vme2", disk = "G:", owner = "ms1" } },
    strangers = { "twin1", "twin2" },
  },
  -- an ExpEther Manager that lets a device in use be regrouped, and takes its time to answer
  rivals = {
    nodes = { "ms1", "ms2" }, gpus = { { vendor = "10de", device = "1f08" } },
    vms = {
      { name = "vme2", disk = "G:", owner = "ms1" }, { name = "vme3", disk = "H:", owner = "ms2" },
    },
    switches = { put_in_use = "accept" }, answer = 0.01,
  },
}

-- `devices` of parameters.lua: where equal cards are on each node, which nothing else tells.
local function places_of(definition)
  local devices = {}
  for _, slot in ipairs(definition.location and definition.devices or {}) do
    local locations = {}
    for _, node in ipairs(definition.nodes) do
      locations[node.name] = definition.location(node, slot)
    end
    devices[slot.id] = { locations = locations }
  end
  return devices
end

-- parameters.lua for a cluster's definition.
local function parameters_of(definition, about)
  local given = { nodes = {}, devices = places_of(definition), vms = {} }
  for _, node in ipairs(definition.nodes) do
    given.nodes[node.name] = { group_id = node.group_id, address = node.address,
      board = node.board }
  end
  for i in ipairs(about.vms) do
    local vm = definition.vms[i]
    given.vms[vm.name] = {
      id = about.strangers and vm.id or nil, path = vm.root,
      gpus = about.gpus or { { id = definition.devices[i].id } }, guest_gpu = about.guest_gpu,
      mmio = { low = "3GiB", high = "33280MiB" },
    }
  end
  return require("lab.story.cluster").parameters({ parameters = given }, error)
end

local function table_with(t, key, value)
  local copy = { [key] = value }
  for name, entry in pairs(t) do
    copy[name] = entry
  end
  return copy
end

-- What schedules are played with. `sequences`: by command, in place of the shipped ones; `name`:
-- of one of the clusters above.
function M.setting(sequences, name)
  name = name or "seed"
  local about, prepared, all = clusters[name], {}, {}
  local latency = table_with(LATENCY, "answer", about.answer)
  local definition = require("lab.clusters." .. (about.definition or name))
  for _, vm in ipairs(definition.vms) do
    prepared[vm.name] = { prepared = true }
  end
  for _, name_of_one in ipairs(M.commands) do
    all[name_of_one] = sequences and sequences[name_of_one] or failover.load_sequence(name_of_one)
  end
  return {
    name = name, parameters = parameters_of(definition, about), cluster = definition,
    latency = latency, switches = about.switches, vms = prepared, sequences = all,
    nodes = about.nodes, machines = about.vms,
    described = about.gpus ~= nil, strangers = about.strangers,
  }
end

return M
