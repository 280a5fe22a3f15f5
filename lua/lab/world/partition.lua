-- Shares of a GPU (Hyper-V GPU partitioning): which cards of a node can be shared, who has a share,
-- and what a start demands. Sources: docs/facts/hyperv-wmi.md#2.3. That an amount of 0 asks for one
-- equal part is made up.
local jobs = require("lab.world.jobs")

local methods = {}

local OFF = 3
local FAILED, INVALID_PARAMETER, INVALID_STATE = 32768, 32773, 32775
local INTERFACE = "#{064092b3-625e-43bf-9eb5-dc845897dd59}\\GPUPARAV"

-- "\\?\PCI#VEN_...#tail#{guid}\GPUPARAV" of an instance id.
local function name_of(entry)
  return "\\\\?\\" .. entry.id:gsub("\\", "#") .. INTERFACE
end

-- What running machines have of a card: shares, and amount of memory.
local function used(self, entry)
  local count, amount = 0, 0
  for _, vm in ipairs(self.list) do
    for _, share in ipairs(vm.shares) do
      if share.entry == entry then
        count, amount = count + 1, amount + share.amount
      end
    end
  end
  return count, amount
end

-- Cards that the host can share: with their driver at work.
function methods:partitionable()
  local list = {}
  for _, entry in ipairs(self.node.pnp.entries) do
    local about = entry.fn.partitions
    if about and entry.present and not entry.disabled and not entry.dismounted then
      local most = about.counts[#about.counts]
      local count, amount = used(self, entry)
      list[#list + 1] = {
        entry = entry, name = name_of(entry), counts = about.counts, most = most,
        total = about.vram, free = about.vram - amount, used = count, part = about.vram // most,
      }
    end
  end
  return list
end

---@return boolean the machine runs with a share of this card
function methods:has_share(vm, entry)
  for _, share in ipairs(vm.shares) do
    if share.entry == entry then
      return true
    end
  end
  return false
end

local function problem(hresult, format, ...)
  local text = format:format(...)
  return { code = FAILED, hresult = hresult, text = string.format("%s (0x%08X)", text, hresult) }
end

-- Why a machine's shares cannot be had now, or nil and the shares.
function methods:share_problem(vm)
  local shares, taken = {}, {}
  for _, wanted in ipairs(vm.config.partitions) do
    local found
    for _, gpu in ipairs(self:partitionable()) do
      local mine = taken[gpu.entry] or { count = 0, amount = 0 }
      local amount = wanted.amount > 0 and wanted.amount or gpu.part
      if (not wanted.gpu or wanted.gpu:lower() == gpu.name:lower())
        and gpu.used + mine.count < gpu.most and amount <= gpu.free - mine.amount then
        taken[gpu.entry] = { count = mine.count + 1, amount = mine.amount + amount }
        found = { entry = gpu.entry, amount = amount }
        break
      end
    end
    if not found then
      return problem(0x800705AA,
        "'%s': insufficient system resources: no GPU has a partition left for it", vm.config.name)
    end
    shares[#shares + 1] = found
  end
  return nil, shares
end

local function known_gpu(self, name)
  for _, gpu in ipairs(self:partitionable()) do
    if gpu.name:lower() == name:lower() then
      return gpu
    end
  end
end

jobs.kind("add partition", {
  latency = "assign",
  work = function(self, vm, settings)
    if vm.state ~= OFF then
      return nil, { code = INVALID_STATE, text = "the virtual machine must be off" }
    end
    local gpu = settings.gpu and known_gpu(self, settings.gpu)
    if settings.gpu and not gpu then
      return nil, problem(0x80070490, "the GPU is not among the partitionable ones: element not "
        .. "found")
    end
    local made = {
      id = "Microsoft:" .. vm.id .. "\\" .. self.world:new_guid(),
      gpu = gpu and gpu.name, amount = settings.amount,
    }
    table.insert(vm.config.partitions, made)
    self.world:log(self.node.name, "add partition", vm.id, gpu and gpu.entry.id)
    if not vm.planned then
      self:settings_written(vm)
    end
    return { made.id, affected = { kind = vm.planned and "planned" or "vm", id = vm.id } }
  end,
})

-- AddResourceSettings, of shares. settings: { gpu = name or nil for any, amount = integer }
function methods:add_partition(id, settings)
  local vm = self:need(id)
  if not math.tointeger(settings.amount) or settings.amount < 0 then
    return INVALID_PARAMETER, nil, "the amount must be a whole number"
  end
  if vm.critical or vm.state ~= OFF then
    return INVALID_STATE, nil, "the virtual machine must be off"
  end
  return jobs.start(self, "add partition", vm, settings)
end

return methods
