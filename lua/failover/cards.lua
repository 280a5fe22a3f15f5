-- Which card is meant, and where it is: requests of parameters.lua matched against EEM's list,
-- and the card found again
-- among the devices of this node. Only looks.
--
-- What gpu.chosen finds is in c.gpus, a list of
--   { id, title, vendor, device, locations, location?, instance?, dismounted?, functions? }
local failure = require("failure")
local failover = require("failover")
local quarantine = require("failover.quarantine")

local M = {}

-- The GPUs that gpu.chosen found.
function M.chosen(c)
  return c.gpus or failover.fail("NO_DEVICE", "no GPU is chosen yet")
end

local BRIDGE = "^06" -- a card behind its own PCIe switch shows the bridge's ids

-- What is promised of a device: parameters.lua says it, or EEM where it shows the card itself.
local function identity(c, device, request)
  local entry = c.parameters.devices[device.id] or {}
  local shown = device.vendor and not (device.class or ""):find(BRIDGE)
  return request.vendor or entry.vendor or (shown and device.vendor) or nil,
    request.device or entry.device or (shown and device.device) or nil, entry
end

local function labels_match(wanted, labels)
  for key, value in pairs(wanted or {}) do
    if not labels or labels[key] ~= value then
      return false
    end
  end
  return true
end

-- Asked for by id, a device is taken although it is in quarantine: there is nothing else to offer.
local function by_id(c, request)
  local device = c.eem:find_device(request.id)
  if not device then
    failover.fail("NO_DEVICE", "ExpEther Manager does not know the device %s", request.id)
  end
  return device
end

local function ids_of(found)
  local ids = {}
  for i, device in ipairs(found) do
    ids[i] = device.id
  end
  return table.concat(ids, ", ")
end

-- Those of the found devices that are not in quarantine. Where that is none, raises NO_DEVICE.
local function offered(c, found, request)
  local active, left, reasons = c.quarantine:active(), {}, {}
  for _, device in ipairs(found) do
    local entry = active[device.id]
    if entry then
      reasons[#reasons + 1] = device.id .. " is " .. quarantine.describe(entry)
    else
      left[#left + 1] = device
    end
  end
  if #left == 0 then
    failure.raise({
      code = "NO_DEVICE",
      message = string.format("no device %s:%s is offered now: %s", request.vendor, request.device,
        table.concat(reasons, "; ")),
      hint = "name one by id in parameters.lua, which takes it all the same, or remove "
        .. "quarantine.json from the state directory",
    })
  end
  return left
end

-- Those that are in this node's group, where there are any: what was taken is to be found again,
-- whatever would be offered now.
local function here(c, found)
  local left = {}
  for _, device in ipairs(found) do
    if device.group_id == c.this.group_id then
      left[#left + 1] = device
    end
  end
  return #left > 0 and left or found
end

local function by_description(c, request, for_use)
  local found = {}
  for _, device in ipairs(c.eem:devices({ status = "io" })) do
    local vendor, model, entry = identity(c, device, {})
    if vendor == request.vendor and model == request.device and labels_match(request.labels,
      entry.labels) then
      found[#found + 1] = device
    end
  end
  if #found == 0 then
    failover.fail("NO_DEVICE",
      "no device %s:%s with the wanted labels is known to ExpEther Manager",
      request.vendor, request.device)
  end
  found = (for_use and offered or here)(c, found, request)
  if #found > 1 then
    failure.raise({
      code = "NO_DEVICE",
      message = string.format("%d devices are %s:%s: %s", #found, request.vendor, request.device,
        ids_of(found)),
      hint = "name one by id in parameters.lua, or tell them apart by labels",
    })
  end
  return found[1]
end

-- The device that satisfies a request: what c.gpus holds, and EEM's record of it. Raises NO_DEVICE.
-- for_use: it is about to be taken, so quarantine counts.
function M.choose(c, wanted, for_use)
  local request = wanted.alternatives[1]
  local device = request.id and by_id(c, request) or by_description(c, request, for_use)
  if device.kind ~= "io" then
    failover.fail("NO_DEVICE", "%s is a server board, not a slot of an I/O box", device.id)
  end
  local vendor, model, entry = identity(c, device, request)
  if not vendor or not model then
    failure.raise({
      code = "NO_DEVICE",
      target = device.id,
      message = "ExpEther Manager does not show what card is in " .. device.id,
      hint = "give vendor and device of this id under devices in parameters.lua",
    })
  end
  return {
    id = device.id, vendor = vendor, device = model, locations = entry.locations,
    title = entry.name and entry.name .. " (" .. device.id .. ")" or device.id,
      seen_group = device.group_id,
  }, device
end

-- A value in ExpEther Manager that nobody here wrote: it is said, and never overwritten.
function M.second_writer(gpu, device)
  failure.raise({
    code = "SECOND_WRITER",
    target = gpu.id,
    message = string.format("%s is suddenly in %s, which nobody here wrote", gpu.title,
      device.free and "the pool" or "group " .. tostring(device.group_id)),
    hint = "somebody else uses ExpEther Manager at the same time; nothing was overwritten",
  })
end

-- Is a card that this run has seen connected still in this node's group? Gives EEM's record of it.
function M.still_ours(c, gpu)
  local device = c.eem:device(gpu.id)
  if gpu.seen_connected and device.group_id ~= c.this.group_id then
    M.second_writer(gpu, device)
  end
  return device
end

-- The card's place: PCIROOT(0)#PCI(0300)#PCI(0000) without the function, which is the last digit
-- pair of the last part.
local function slot(location)
  return (location:gsub("%x%x%)$", ")"))
end

local function in_use_elsewhere(c, location)
  for _, device in ipairs(c.hyperv:assignable_devices()) do
    if device.location == location and device.in_use then
      for _, assignment in ipairs(c.hyperv:assigned(c.vm_id)) do
        if assignment.location == location then
          return false
        end
      end
      return true
    end
  end
  return false
end

local function candidates(c, gpu, all)
  local found = {}
  local configured = gpu.locations and gpu.locations[c.node]
  for _, device in ipairs(all) do
    if device.device == gpu.device and device.location then
      local fits = device.location == (configured or device.location)
      if fits and (configured or not (gpu.before and gpu.before[device.location])) then
        found[#found + 1] = device
      end
    end
  end
  return found
end

-- Finds the card on this node and remembers where it is. Returns false and why not when it is
-- not there (yet).
function M.locate(c, gpu)
  local all = c.pnp:devices({ vendor = gpu.vendor })
  local found = candidates(c, gpu, all)
  if #found > 1 then
    local idle = {}
    for _, device in ipairs(found) do
      if not (c.vm_id and in_use_elsewhere(c, device.location)) then
        idle[#idle + 1] = device
      end
    end
    found = idle
  end
  if #found > 1 then
    failure.raise({
      code = "NO_DEVICE",
      target = gpu.id,
      message = string.format("%d cards %s:%s are on %s, and nothing tells which one is %s", #found,
        gpu.vendor, gpu.device, c.node, gpu.title),
      hint = string.format('in parameters.lua, give devices["%s"].locations = { %s = "%s" }',
        gpu.id, c.node, found[1].location),
    })
  end
  if #found == 0 then
    gpu.location = nil
    return false, string.format("%s does not show a card %s:%s yet", c.node, gpu.vendor, gpu.device)
  end
  gpu.location, gpu.instance, gpu.dismounted = found[1].location, found[1].id, found[1].dismounted
  gpu.functions = {}
  for _, device in ipairs(all) do
    if device.location and slot(device.location) == slot(gpu.location) then
      gpu.functions[#gpu.functions + 1] = device
    end
  end
  return true
end

-- All of them. Returns false, why not and which when one is not there.
function M.locate_all(c)
  for _, gpu in ipairs(M.chosen(c)) do
    local there, why = M.locate(c, gpu)
    if not there then
      return false, why, gpu
    end
  end
  return true
end

-- The record of the card in Hyper-V's list of assignable devices, nil when it is not dismounted.
function M.assignable(c, gpu)
  for _, device in ipairs(c.hyperv:assignable_devices()) do
    if device.location == gpu.location then
      return device
    end
  end
end

return M
