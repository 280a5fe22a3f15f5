-- A simulated cluster for specs: the seed's, on a clock that is a number here; nothing waits.
local assert = require("luassert")
local seed = require("lab.clusters.seed")
local world = require("lab.world")

local M = {}

M.GPU, M.OTHER, M.BRIDGED = "0x8cdf9d911c60", "0x8cdf9d911c62", "0x8cdf9d9122b6"
M.VM = "7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42"
M.ROOT = [[G:\Hyper-V\vme2]]
M.FILE = M.ROOT .. [[\Virtual Machines\]] .. M.VM .. ".vmcx"
M.STATE = M.ROOT .. [[\Virtual Machines\]] .. M.VM .. ".vmrs"
M.DISK = M.ROOT .. [[\Virtual Hard Disks\vme2.vhdx]]
M.PREPARED = { vme2 = { prepared = true } }
M.RUNNING = { vme2 = { prepared = true, running = true, devices = { M.GPU } } }
M.GPU_PCI, M.GPU_PCIP = [[PCI\VEN_10DE&DEV_1F08]], [[PCIP\VEN_10DE&DEV_1F08]]

local time, w

-- Makes a new world: gives it, EEM, and its two nodes.
function M.make(options)
  time = 100
  options = options or {}
  options.cluster = seed
  options.clock = {
    now = function()
      return time
    end,
  }
  w = world.new(options)
  return w, w:eem(), w:node("ms1"), w:node("ms2")
end

function M.now()
  return time
end

function M.pass(seconds)
  time = time + seconds
  w:advance()
end

-- The world error that `fn` raises.
function M.refused(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(world.is_error(problem), tostring(problem))
  return problem
end

-- Lets the job of a method end.
local function finish(code, job)
  assert.equal(4096, code)
  M.pass(job.finish - time)
  return job
end

-- For a method's results: the job has ended well, or badly.
function M.done(code, job)
  job = finish(code, job)
  assert.equal(7, job.state, job.error_text)
  return job
end

function M.failed(code, job)
  job = finish(code, job)
  assert.equal(10, job.state)
  return job
end

function M.find_pci(node, part)
  for _, device in ipairs(node.pnp:devices()) do
    if device.id:find(part, 1, true) then
      return device
    end
  end
  return nil
end

-- Connects the GPU to a node and waits until it is in its tree.
function M.connect(node, group)
  w:eem():set_group(M.GPU, group)
  M.pass(w.latency.link + w.latency.enumerate)
  return assert(M.find_pci(node, M.GPU_PCI))
end

function M.forced(instance)
  return { instance = instance, require_acs = false, require_mitigations = false }
end

function M.dismount(node)
  local device = M.find_pci(node, M.GPU_PCI)
  node.pnp:disable(device.id)
  M.done(node.hyperv:dismount(M.forced(device.id)))
  M.pass(w.latency.list_lag)
  return assert(M.find_pci(node, M.GPU_PCIP))
end

-- Text of the first violation of a rule, or nil.
function M.violation(id)
  for _, broken in ipairs(w:violations()) do
    if broken.id == id then
      return broken.text
    end
  end
  return nil
end

return M
