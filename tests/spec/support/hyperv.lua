-- What the specs of hyperv, pnp and host files share: a lab over sockets, connections to its
-- nodes, and what a call raises.
local assert = require("luassert")
local failure = require("failure")
local fs = require("fs")
local hyperv = require("hyperv")
local pnp = require("pnp")
local seed = require("lab.clusters.seed")
local support = require("support.lab")
local wmi = require("wmi")

local M = {}

M.GPU, M.OTHER = "0x8cdf9d911c60", "0x8cdf9d911c62"
M.VM = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42"
M.ROOT = [[G:\Hyper-V\vme2]]
M.FILE = M.ROOT .. [[\Virtual Machines\]] .. M.VM .. ".vmcx"
M.DISK = M.ROOT .. [[\Virtual Hard Disks\vme2.vhdx]]
M.GROUPS = { ms1 = 50, ms2 = 150 }

---@class Rig a lab, and natives on its nodes
local Rig = {}
Rig.__index = Rig

function M.start(options)
  local rig = setmetatable({ open = {} }, Rig)
  rig.lab = support.start(options or {})
  rig.world = rig.lab.server.world
  return rig
end

-- The seed's cluster with these virtual machines, which lack what the seed's has.
function M.cluster(vms)
  local cluster = {}
  for name, value in pairs(seed) do
    cluster[name] = value
  end
  cluster.vms = {}
  for i, vm in ipairs(vms) do
    local one = {}
    for name, value in pairs(seed.vms[1]) do
      one[name] = value
    end
    for name, value in pairs(vm) do
      one[name] = value
    end
    cluster.vms[i] = one
  end
  return cluster
end

local function keep(rig, handle)
  rig.open[#rig.open + 1] = handle
  return handle
end

function Rig:wmi(node, namespace)
  local options = {}
  for name, value in pairs(self.lab.wmi[node or "ms1"]) do
    options[name] = value
  end
  options.namespace = namespace or options.namespace
  return keep(self, wmi.open(options))
end

function Rig:hyperv(node, options)
  return keep(self, hyperv.open(self:wmi(node), options))
end

function Rig:pnp(node)
  return keep(self, pnp.open(self:wmi(node, "root/cimv2")))
end

function Rig:files(node)
  return keep(self, fs.open(self:wmi(node, "root/cimv2")))
end

-- The world's own record of a registered or planned machine.
function Rig:record(node, id)
  return self.world:node(node or "ms1").hyperv:any(id or M.VM)
end

-- The GPU's functions come into a node's tree.
function Rig:connect(node, id)
  self.world:eem():set_group(id or M.GPU, M.GROUPS[node or "ms1"])
  self.world:advance()
end

-- How many times a method (or Enumerate, ...) has been called on a node.
function Rig:count(word, node)
  local counters = self.world.faults.counters[node or "ms1"]
  return counters and counters[word] or 0
end

function Rig:fault(rule)
  rule.target = rule.target or "ms1"
  return self.world.faults:add(rule)
end

-- A job or method that fails in these words.
function Rig:job_fails(method, text, code)
  return self:fault({ match = { method = method }, effect = "job fails", text = text, code = code })
end

function Rig:stop()
  for i = #self.open, 1, -1 do
    self.open[i]:close()
  end
  self.lab:stop()
end

-- The failure object that a call raises, which must have this code.
function M.raises(code, fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok, "nothing was raised, " .. code .. " was expected")
  assert.is_true(failure.is(problem), tostring(problem))
  assert.equal(code, problem.code, tostring(problem))
  return problem
end

-- The text of the error that misuse raises.
function M.misuse(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_false(failure.is(problem), tostring(problem))
  return tostring(problem)
end

return M
