-- The situation as a plan would make it: its machines run where it places them, with their devices.
-- For questions about a cluster in which everything runs that can.
local M = {}

local function copies(list)
  local result, by_name = {}, {}
  for i, entry in ipairs(list) do
    local copy = {}
    for name, value in pairs(entry) do
      copy[name] = value
    end
    result[i], by_name[entry.id or entry.name] = copy, copy
  end
  return result, by_name
end

-- A device of the plan is in use now.
local function give(device, vm, node, chosen)
  if device.kind == "partitionable" then
    local wish = vm.requests[chosen.request].alternatives[chosen.alternative]
    device.partitions = (device.partitions or 0) + 1
    device.free_vram = device.free_vram and device.free_vram - (wish.partition.vram or 0)
  else
    device.state, device.node, device.vm = "held", node, vm.key
    device.vm_running, device.link = true, "up"
  end
end

local function run(vm, entry, devices)
  local copy = {}
  for name, value in pairs(vm) do
    copy[name] = value
  end
  if not entry then
    copy.running, copy.devices = false, {}
  elseif not entry.stays then
    copy.running, copy.state, copy.node, copy.devices = true, "running", entry.node, {}
    copy.degraded = entry.degraded
    for i, chosen in ipairs(entry.devices) do
      local device = devices[chosen.device.id]
      copy.devices[i] = device.id
      give(device, vm, entry.node, chosen)
    end
  end
  return copy
end

---@param situation Situation
---@param plan table what placement.plan gave for it
---@return Situation
function M.as_planned(situation, plan)
  local result = { vms = {}, warnings = situation.warnings }
  local devices, nodes
  result.devices, devices = copies(situation.devices)
  result.nodes, nodes = copies(situation.nodes)
  for i, vm in ipairs(situation.vms) do
    result.vms[i] = run(vm, plan.placed[vm.key], devices)
  end
  for _, move in ipairs(plan.moves) do
    if move.kind == "release" then
      local device = devices[move.device.id]
      device.state, device.node, device.vm = "free", nil, nil
    end
  end
  for _, node in ipairs(result.nodes) do
    node.held = 0
  end
  for _, device in ipairs(result.devices) do
    local node = device.kind == "card" and device.node and nodes[device.node]
    if node then
      node.held = node.held + 1
    end
  end
  return result
end

return M
