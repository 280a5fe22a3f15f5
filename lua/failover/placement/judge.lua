-- Does a device fit one alternative of a request? Everything here is asked of plain tables and
-- answered with a stable code (failover.placement.reasons) and a sentence; nil means that it fits.
--
-- Two halves, because placing a thousand machines asks the first one very often: what the device
-- is (mismatch), and what it is doing now (obstacle).
local M = {}

local MIB, GIB = 1024 * 1024, 1024 * 1024 * 1024
local BRIDGE = "^06" -- a card behind its own PCIe switch shows the switch's class and ids

-- Bytes for people: "16 GiB", "512 MiB", "4095 B".
---@return string
function M.size(bytes)
  if bytes >= GIB then
    local text = ("%.1f"):format(bytes / GIB):gsub("%.0$", "")
    return text .. " GiB"
  elseif bytes >= MIB then
    local text = ("%.1f"):format(bytes / MIB):gsub("%.0$", "")
    return text .. " MiB"
  end
  return ("%d B"):format(bytes)
end

local function same(a, b)
  return a == b or (a ~= nil and b ~= nil and a:lower() == b:lower())
end

-- The class of the card itself; nil where nothing is known or only a bridge shows.
local function own_class(device)
  local class = device.class
  if not class or class == "" or class:find(BRIDGE) then
    return nil
  end
  return class:lower()
end

local function label_of(wanted, labels)
  local keys = {}
  for key in pairs(wanted) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local value = labels and labels[key]
    if value == nil then
      return ("it has no label %s (wanted: %s)"):format(key, tostring(wanted[key]))
    elseif value ~= wanted[key] then
      return ("its label %s is %s (wanted: %s)"):format(key, tostring(value), tostring(wanted[key]))
    end
  end
end

local function labels_fit(wanted, labels)
  for key, value in pairs(wanted) do
    if not labels or labels[key] ~= value then
      return false
    end
  end
  return true
end

local function model_fits(wanted, model)
  return model ~= nil and model:lower():find(wanted:lower(), 1, true) ~= nil
end

-- The code of the first thing about the device itself that does not fit, without a sentence: this
-- is what large plans ask a million times.
---@return string? code
function M.mismatch(criteria, device)
  if criteria.id and criteria.id ~= device.id then
    return "ID_MISMATCH"
  elseif criteria.partition then
    if device.kind ~= "partitionable" then
      return "NOT_PARTITIONABLE"
    end
  elseif device.kind == "partitionable" then
    return "SHARED_ONLY"
  end
  local vendor = device.vendor or (criteria.id and criteria.vendor)
  local model = device.device or (criteria.id and criteria.device)
  if criteria.vendor and vendor and not same(vendor, criteria.vendor) then
    return "VENDOR_MISMATCH"
  elseif criteria.device and model and not same(model, criteria.device) then
    return "DEVICE_MISMATCH"
  end
  if criteria.class then
    local class = own_class(device)
    if class and class:sub(1, #criteria.class) ~= criteria.class:lower() then
      return "CLASS_MISMATCH"
    end
  end
  if criteria.labels and not labels_fit(criteria.labels, device.labels) then
    return "LABEL_MISMATCH"
  elseif criteria.model and not model_fits(criteria.model, device.model) then
    return "MODEL_MISMATCH"
  end
  if criteria.min_memory then
    local memory = device.memory or device.total_vram
    if not memory then
      return "MEMORY_UNKNOWN"
    elseif memory < criteria.min_memory then
      return "MEMORY_TOO_SMALL"
    end
  end
  -- A promise that cannot be checked on arrival is none. A shared GPU is named by its path instead.
  if device.kind ~= "partitionable" and (not vendor or not model) and device.state ~= "missing" then
    return "IDENTITY_UNKNOWN"
  elseif (criteria.vendor and not vendor) or (criteria.device and not model) then
    return "IDENTITY_UNKNOWN"
  end
  return nil
end

local sentences = {
  ID_MISMATCH = function(criteria)
    return "the request names " .. criteria.id
  end,
  NOT_PARTITIONABLE = function()
    return "it is a whole card, and a share of a GPU is wanted"
  end,
  SHARED_ONLY = function()
    return "it is a GPU of the server that is given in shares, and a whole card is wanted"
  end,
  VENDOR_MISMATCH = function(criteria, device)
    return ("its vendor is %s (wanted: %s)"):format(device.vendor, criteria.vendor)
  end,
  DEVICE_MISMATCH = function(criteria, device)
    return ("it is %s:%s (wanted: %s:%s)"):format(device.vendor or "?", device.device,
      criteria.vendor or "?", criteria.device)
  end,
  CLASS_MISMATCH = function(criteria, device)
    return ("its class is %s (wanted: %s)"):format(device.class, criteria.class)
  end,
  LABEL_MISMATCH = function(criteria, device)
    return label_of(criteria.labels, device.labels)
  end,
  MODEL_MISMATCH = function(criteria, device)
    return device.model and ("it is a %s (wanted: %s)"):format(device.model, criteria.model)
      or ("its model is not known (wanted: %s)"):format(criteria.model)
  end,
  MEMORY_TOO_SMALL = function(criteria, device)
    return ("it has %s of memory (wanted: %s)"):format(M.size(device.memory or device.total_vram),
      M.size(criteria.min_memory))
  end,
  MEMORY_UNKNOWN = function(criteria)
    return ("nothing tells how much memory it has (wanted: %s)"):format(M.size(criteria.min_memory))
  end,
  IDENTITY_UNKNOWN = function(_, device)
    return device.bridge
      and "it shows a bridge, and parameters.lua does not say which card is behind it"
      or "nothing tells which card it is; `takeover gpu suggest` prepares an entry"
  end,
}

---- what it is doing now --------------------------------------------------------------------------

-- Waits that a request by id bears: the administrator named this very device, there is no other.
local function waits(criteria, about)
  return criteria.id ~= nil and about.for_use == true
end

local function node_named(about, name)
  for _, node in ipairs(name and about.situation and about.situation.nodes or {}) do
    if node.name == name then
      return node
    end
  end
end

local function shortage(criteria, device)
  local wanted = criteria.partition.vram
  if wanted and device.free_vram and device.free_vram < wanted then
    return "VRAM_SHORT", ("%s of its memory are free (wanted: %s)"):format(
      M.size(device.free_vram), M.size(wanted))
  elseif device.most and (device.partitions or 0) >= device.most then
    return "VRAM_SHORT", ("all of its %d partitions are in use"):format(device.most)
  end
end

local function explained(device, text)
  return device.why and text .. ": " .. device.why or text
end

-- Whether it answers, has power and a link.
local function fault(criteria, device, about)
  if device.reachable == false then
    return "UNREACHABLE", explained(device, "it is not reachable")
  elseif device.power == "off" then
    return "POWER_OFF", "its slot has no power"
  elseif device.link == "down" and device.state == "held" and not criteria.id
    and device.kind ~= "partitionable" then
    -- A free device has no link by nature, and one of a dead node neither.
    local holder = node_named(about, device.node)
    if holder and holder.reachable then
      return "LINK_DOWN", ("it is connected to %s and has no link"):format(device.node)
    end
  end
end

-- Who holds it, where that forbids taking it.
local function holder_of(device, about)
  if about.owned then
    return nil
  elseif device.state == "held" and device.vm_running and device.vm
    and not (about.vm and about.vm.key == device.vm) then
    return ("%s runs with it%s"):format(device.vm, device.node and " on " .. device.node or "")
  elseif device.state == "held" and device.vm_running and not device.vm then
    return explained(device, "a virtual machine uses it")
  end
end

---@return string? code
---@return string? text
function M.obstacle(criteria, device, about)
  if device.state == "missing" then
    return "MISSING", device.why or "it is declared, and nothing shows it"
  elseif device.state == "foreign" then
    return "FOREIGN", device.why or ("it is in group %s, which is no node's here"):format(
      tostring(device.group_id))
  elseif (device.state == "quarantined" or device.quarantine) and not criteria.id then
    return "QUARANTINED", device.why or "it failed lately and is not offered for a while"
  end
  if not waits(criteria, about) then
    local code, text = fault(criteria, device, about)
    if code then
      return code, text
    end
  end
  local holder = device.kind ~= "partitionable" and holder_of(device, about)
  if holder then
    return "HELD_BY", holder
  end
  return nil
end

-- What speaks against using it on one node.
local function here(device, about)
  local node, vm = about.node, about.vm
  if vm and vm.mmio_high and device.mmio and device.mmio > vm.mmio_high then
    return "MMIO_TOO_SMALL", ("it needs %s of high MMIO space, and %s has %s"):format(
      M.size(device.mmio), vm.key, M.size(vm.mmio_high))
  elseif not node then
    return nil
  elseif device.kind == "partitionable" and device.node ~= node.name then
    return "OTHER_NODE", ("it is in %s"):format(device.node or "another server")
  elseif device.kind ~= "partitionable" and node.capacity and device.node ~= node.name
    and (node.held or 0) >= node.capacity then
    return "CAPACITY", ("the board of %s takes %d devices and has %d"):format(node.name,
      node.capacity, node.held)
  end
end

-- Why the device does not satisfy the criteria, or nil.
--   about: vm (Machine), node (Node), situation, for_use: it is about to be taken (a request by id
--   then waits for power, link and reachability instead of refusing); owned: who uses it does not
--   matter
---@param criteria Criteria
---@param device Device
---@param about { vm: Machine?, node: SituationNode?, situation: Situation?, for_use: boolean? }?
---@return { code: string, text: string }?
function M.judge(criteria, device, about)
  about = about or {}
  local code = M.mismatch(criteria, device)
  if code then
    return { code = code, text = sentences[code](criteria, device) }
  end
  local text
  code, text = M.obstacle(criteria, device, about)
  if not code and criteria.partition then
    code, text = shortage(criteria, device)
  end
  if not code then
    code, text = here(device, about)
  end
  return code and { code = code, text = text } or nil
end

M.shortage = shortage
M.here = here

return M
