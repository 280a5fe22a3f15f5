-- The chosen cards found again, in ExpEther Manager and among the devices of this node. Only looks.
--
-- What gpu.chosen finds (failover/devices/selection.lua) is in c.gpus, a list to whose entries this
-- adds
--   { location?, instance?, dismounted?, functions? }
local failure = require("failure")
local vm_files = require("failover.vm.files")

local M = {}

-- The GPUs that gpu.chosen found.
function M.chosen(c)
  return c.gpus or failure.raise({
    code = "NO_DEVICE", message = "no GPU is chosen yet", details = { follows = true },
  })
end

-- A value in ExpEther Manager that nobody here wrote: it is said, and never overwritten.
function M.second_writer(gpu, device)
  failure.raise({
    code = "SECOND_WRITER",
    target = gpu.id,
    message = string.format("%s is suddenly in %s, which nobody here wrote", gpu.title,
      device.free and "the pool" or "group " .. tostring(device.group_id)),
    hint = "find who else changes groups in ExpEther Manager and let him end; nothing of his was "
      .. "overwritten",
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

local function configured(c, gpu)
  return gpu.locations and gpu.locations[c.node]
end

-- Locations on this node that parameters.lua gives to other devices.
local function given_to_others(c, gpu)
  local given = {}
  for id, entry in pairs(c.parameters.devices or {}) do
    local location = id ~= gpu.id and entry.locations and entry.locations[c.node]
    if location then
      given[location] = true
    end
  end
  return given
end

-- What the node shows of the card's model, and what may be it.
local function candidates(c, gpu, all)
  local found, wanted, given = {}, configured(c, gpu), given_to_others(c, gpu)
  for _, device in ipairs(all) do
    local location = device.device == gpu.device and device.location
    if location and location == (wanted or location) and (wanted or not given[location]) then
      found[#found + 1] = device
    end
  end
  return found
end

-- The chosen cards of one model whose places nothing declares: they are found together.
local function alike(c, gpu)
  local list = {}
  for _, other in ipairs(M.chosen(c)) do
    if other.vendor == gpu.vendor and other.device == gpu.device and not configured(c, other) then
      list[#list + 1] = other
    end
  end
  return list
end

-- Those that a machine which runs has already.
local function of_running(c, found)
  local assigned, own = {}, {}
  local id = vm_files.identify(c)
  for _, assignment in ipairs(id and c.hyperv:assigned(id) or {}) do
    assigned[assignment.present and assignment.location or ""] = true
  end
  for _, device in ipairs(found) do
    own[#own + 1] = assigned[device.location] and device or nil
  end
  return own
end

-- Those that are not in the settings of other machines, where more are there than are looked for.
local function idle(c, found, count)
  local left = found
  if #found > count and c.vm_id then
    left = {}
    for _, device in ipairs(found) do
      if not in_use_elsewhere(c, device.location) then
        left[#left + 1] = device
      end
    end
  end
  return left
end

-- Gives each of the cards a place: the one that it has, else one that was not there before it came.
-- Which of several that came together is which does not matter: all of them are the machine's.
-- Returns places by card, and how many might be somebody else's.
local function distribute(cards, found)
  local places, taken, spare = {}, {}, 0
  for _, gpu in ipairs(cards) do
    for _, device in ipairs(found) do
      if device.location == gpu.location and not taken[device] then
        places[gpu], taken[device] = device, true
      end
    end
  end
  local function is_new(gpu, device)
    return not taken[device] and not (gpu.before and gpu.before[device.location])
  end
  for _, gpu in ipairs(cards) do
    for _, device in ipairs(found) do
      if not places[gpu] and is_new(gpu, device) then
        places[gpu], taken[device] = device, true
        gpu.fresh = true
      end
    end
  end
  for _, device in ipairs(found) do
    for _, gpu in ipairs(cards) do
      if gpu.fresh and is_new(gpu, device) then
        spare = spare + 1
        break
      end
    end
  end
  for _, gpu in ipairs(cards) do
    gpu.fresh = nil
  end
  return places, spare
end

local function refuse_alike(c, gpu, found)
  failure.raise({
    code = "NO_DEVICE",
    target = gpu.id,
    message = string.format("%d cards %s:%s are on %s, and nothing tells which one is %s", #found,
      gpu.vendor, gpu.device, c.node, gpu.title),
    hint = string.format('in parameters.lua, give devices["%s"].locations = { %s = "%s" }',
      gpu.id, c.node, found[1].location),
  })
end

-- Where cards of its model are that no entry of parameters.lua declares, while its own declared
-- place is empty: a BIOS update or another slot has moved it, probably. Such a card is healthy.
local function moved_to(c, gpu, all)
  local given, places = given_to_others(c, gpu), {}
  for _, device in ipairs(configured(c, gpu) and all or {}) do
    local location = device.device == gpu.device and device.location
    if location and not given[location] then
      places[#places + 1] = location
    end
  end
  return #places > 0 and table.concat(places, " and ") or nil
end

-- Finds the card on this node and remembers where it is. Returns false and why not when it is
-- not there (yet); gpu.moved_to: where a card of its model is instead.
function M.locate(c, gpu)
  local all = c.pnp:devices({ vendor = gpu.vendor })
  local cards = configured(c, gpu) and { gpu } or alike(c, gpu)
  local found = candidates(c, gpu, all)
  if gpu.kept then
    found = of_running(c, found)
  end
  local places, spare = distribute(cards, found)
  if spare > 0 then
    found = idle(c, found, #cards)
    places, spare = distribute(cards, found)
  end
  if spare > 0 then
    refuse_alike(c, gpu, found)
  end
  local place = places[gpu]
  gpu.moved_to = not place and moved_to(c, gpu, all) or nil
  if gpu.moved_to then
    gpu.location = nil
    return false, string.format('a %s:%s is at %s on %s, but locations.%s of %s says "%s"',
      gpu.vendor, gpu.device, gpu.moved_to, c.node, c.node, gpu.title, configured(c, gpu))
  elseif not place then
    gpu.location = nil
    return false, string.format("%s does not show a card %s:%s yet", c.node, gpu.vendor, gpu.device)
  end
  gpu.location, gpu.instance, gpu.dismounted = place.location, place.id, place.dismounted
  gpu.functions = {}
  local here = slot(gpu.location)
  for _, device in ipairs(all) do
    if device.location and slot(device.location) == here then
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
