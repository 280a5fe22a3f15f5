-- Facts about shares of a GPU (Hyper-V GPU partitioning): the card stays with its node and its
-- driver, and the virtual machine has a part of it.
--
-- What gpu.chosen finds of them is in c.shares, a list of { gpu, vram, title }: the card's name on
-- this node, the amount in bytes.
local failover = require("failover")
local vm_state = require("failover.vm.state")
local step = failover.step

local UNITS = { { "TiB", 40 }, { "GiB", 30 }, { "MiB", 20 }, { "KiB", 10 } }

-- Bytes as the natives want sizes.
local function size(bytes)
  for _, unit in ipairs(UNITS) do
    if bytes > 0 and bytes % (1 << unit[2]) == 0 then
      return string.format("%d%s", bytes >> unit[2], unit[1])
    end
  end
  return string.format("%dB", bytes)
end

local function same(a, b)
  return a ~= nil and b ~= nil and a:lower() == b:lower()
end

local function is_wanted(c, partition)
  for _, share in ipairs(c.shares) do
    if partition.present and same(partition.gpu, share.gpu)
      and partition.vram == size(share.vram) then
      return share
    end
  end
end

-- Those that the machine has and should not have, and those wanted that it lacks. A share names
-- its card by its place on one node, so after a move the old one is of no use.
local function differences(c)
  local others, lacking, has = {}, {}, {}
  for _, partition in ipairs(c.hyperv:partitions(c.vm_id)) do
    local share = is_wanted(c, partition)
    if share then
      has[share] = true
    else
      others[#others + 1] = partition
    end
  end
  for _, share in ipairs(c.shares) do
    if not has[share] then
      lacking[#lacking + 1] = share
    end
  end
  return others, lacking
end

local share_assigned = step "GPU share assigned to the VM" {
  within = 60,
  remedy = "Get-VMGpuPartitionAdapter {name} and Get-VMHostPartitionableGpu on {node} show what it "
    .. "has and what can be had",
  keeps = function(c)
    return c.memory.shares_removed and "other shares are out of the machine's settings: they were "
      .. "of no use on this node"
  end,
  least = 3,
  when = function(c)
    return c.shares ~= nil and #c.shares > 0
  end,
  holds = function(c)
    local vm = vm_state.registered(c)
    if not vm then
      return false, "the virtual machine is not registered here"
    end
    local others, lacking = differences(c)
    if #lacking > 0 then
      return false, lacking[1].title .. " is not assigned"
    end
    return failover.answer(#others == 0, #others .. " other shares of a GPU are assigned")
  end,
  act = function(c)
    local others, lacking = differences(c)
    for _, partition in ipairs(others) do
      c:note("removing the share of another GPU: " .. tostring(partition.gpu or partition.id))
      c.hyperv:remove_partition(c.vm_id, partition.id)
      c.memory.shares_removed = true
    end
    for _, share in ipairs(lacking) do
      share.assigned_by_us = true
      c.hyperv:add_partition(c.vm_id, { gpu = share.gpu, vram = size(share.vram) })
    end
  end,
  undo = function(c)
    for _, partition in ipairs(c.hyperv:partitions(c.vm_id)) do
      local share = is_wanted(c, partition)
      if share and share.assigned_by_us then
        c.hyperv:remove_partition(c.vm_id, partition.id)
      end
    end
  end,
}

return { share_assigned = share_assigned }
