-- GPUs that a node gives away in shares (Hyper-V GPU partitioning): one device each, beside the
-- card of an I/O box that it may be. Who has a share is asked of Hyper-V; what is left is the
-- host's own word.
--
-- The amounts are the driver's, bytes where it tells bytes (docs/facts/hyperv-wmi.md#2.3). Where
-- parameters.lua says how much memory the card has, they are scaled to that.
local devices = require("failover.inventory.devices")

local M = {}

local function same(a, b)
  return a ~= nil and b ~= nil and a:upper() == b:upper()
end

local function card_of(gpu, cards)
  for _, card in ipairs(cards) do
    if card.fn and same(card.fn.instance, gpu.instance) then
      return card
    end
  end
end

-- Machines that have a share of it: keys of all, of the running ones, and how many shares these
-- have.
local function users_of(gpu, vms)
  local all, running, count = {}, {}, 0
  for _, vm in ipairs(vms) do
    local has = 0
    for _, share in ipairs(vm.partitions or {}) do
      has = has + ((share.present and same(share.gpu, gpu.name)) and 1 or 0)
    end
    if has > 0 then
      all[#all + 1] = vm.label
      if vm.running then
        running[#running + 1], count = vm.label, count + has
      end
    end
  end
  return all, running, count
end

local function most_of(gpu)
  if (gpu.partitions or 0) > 0 then
    return gpu.partitions
  end
  local most = 0
  for _, count in ipairs(gpu.counts or {}) do
    most = math.max(most, count)
  end
  return most > 0 and most or nil
end

local function scaled(amount, factor)
  return amount and math.floor(amount * factor + 0.5) or nil
end

-- What a node calls the card, where no card of an I/O box is known to be it.
local function shown_by(answer, gpu)
  for _, device in ipairs(answer.pnp) do
    if same(device.id, gpu.instance) then
      return device.name
    end
  end
end

local function make(node, answer, gpu, card)
  local total, free = devices.bytes(gpu.total_vram), devices.bytes(gpu.available_vram)
  local factor = card and card.memory and total and total > 0 and card.memory / total or 1
  local all, running, count = users_of(gpu, answer.vms)
  local shown = card and card.shown_as or shown_by(answer, gpu)
  local called = card and (card.name or card.id) or shown or gpu.name
  local device = {
    id = node.name .. "/" .. gpu.name, kind = "partitionable", gpu = gpu.name,
    name = called .. " in shares", title = called .. " in shares on " .. node.name,
    card = card and card.id, declared = card ~= nil and card.declared,
    labels = card and card.labels or {}, box = card and card.box, model = card and card.model,
    memory = card and card.memory, serial = card and card.serial, class = card and card.class,
    vendor = gpu.vendor, device = gpu.device, shown_as = shown, bridge = false,
    identity = gpu.vendor and gpu.device and "node" or "unknown", node = node.name,
    vm = #running == 1 and running[1] or nil, vm_running = #running > 0,
    users = #all > 1 and all or nil, link = card and card.link or "unknown",
    power = card and card.power, reachable = true, locations = {},
    location = card and card.location, cost = 0, partitions = count, most = most_of(gpu),
    total_vram = scaled(total, factor), free_vram = scaled(free, factor), vram_unit = factor,
    state = count > 0 and "held" or "free", use = count > 0 and "used" or nil,
  }
  if #all > 0 then
    device.why = ("%s %s a share of it"):format(table.concat(all, ", "),
      #all == 1 and "has" or "have")
  end
  return device, all, running
end

-- Adds the partitionable GPUs of a node to the list; cards and machines learn of shares.
function M.collect(node, answer, cards, by_key, list)
  for _, gpu in ipairs(answer.partitionable or {}) do
    local card = card_of(gpu, cards)
    local device, all, running = make(node, answer, gpu, card)
    list[#list + 1] = device
    if card and #running > 0 then -- the card itself cannot be given away meanwhile
      card.vm_running, card.shared_with = true, running
      card.vm = #running == 1 and running[1] or nil
    end
    for _, key in ipairs(all) do
      local machine = by_key[key]
      if machine and machine.node == node.name then
        machine.devices[#machine.devices + 1] = device.id
        machine.partitions = (machine.partitions or 0) + 1
      end
    end
  end
end

return M
