-- Which devices a virtual machine has on this node: for stop, recover and monitor, which give back
-- or look at those, and never at another machine's. Only looks.
local selection = require("failover.devices.selection")
local failure = require("failure")
local failover = require("failover")
local inventory = require("failover.inventory")
local requests = require("failover.parameters.requests")
local find = require("core.lists").find

local M = {}

-- Devices that the machine has or had here, by what was assigned to it: now, or when this run took
-- it away (c.memory.had: locations).
local function by_assignment(c, situation)
  local machine, found, list = find(situation.vms, "key", c.vm_name), {}, {}
  if machine.node == c.node and not machine.guessed then
    for _, id in ipairs(machine.devices) do
      found[id] = true
    end
  end
  for _, device in ipairs(situation.devices) do
    local had = device.location and device.node == c.node
      and (c.memory.had or {})[device.location:upper()]
    if found[device.id] or had then
      list[#list + 1] = device
    end
  end
  return list
end

-- The same where locations are not known: every card of a model that is in this node's group is
-- the machine's, if there are as many as it had, or the others are known to be somebody else's.
local function by_model(c, situation, list)
  local had, models = {}, {}
  for _, model in pairs(c.memory.had or {}) do
    had[model] = (had[model] or 0) + 1
    models[#models + 1] = model
  end
  local seen = {}
  for _, device in ipairs(list) do
    local model = ("%s:%s"):format(device.vendor, device.device)
    had[model], seen[device.id] = (had[model] or 0) - 1, true
  end
  table.sort(models)
  for _, model in ipairs(models) do
    local open, certain = {}, true
    for _, device in ipairs(situation.devices) do
      local theirs = device.node ~= c.node or seen[device.id]
        or device.vm and not device.users
      if not theirs and model == ("%s:%s"):format(device.vendor, device.device) then
        open[#open + 1] = device
        certain = certain and not device.users
      end
    end
    if had[model] > 0 and #open > 0 and (#open > had[model] or not certain) then
      return nil, open
    end
    for _, device in ipairs(had[model] > 0 and open or {}) do
      list[#list + 1], seen[device.id] = device, true
    end
  end
  return list
end

-- A machine that has nothing assigned, after a run that was cut off: idle devices here that it asks
-- for and that no other machine which is registered here could mean. (What another run is taking
-- just now is locked: racing.reserve_or_fail.)
local function left_behind(c, situation)
  local list = {}
  for _, device in ipairs(situation.devices) do
    local idle = device.node == c.node and not device.vm and not device.users
    if idle and selection.is_wanted(c.vm.gpus, device) then
      local others = false
      for _, machine in ipairs(situation.vms) do
        others = others or machine.key ~= c.vm_name and #machine.registered > 0
          and selection.is_wanted(machine.requests, device)
      end
      if not others then
        list[#list + 1] = device
      end
    end
  end
  return list
end

-- The devices of c.vm on this node, for stop, recover and monitor: never another machine's. Raises
-- NO_DEVICE where they cannot be told apart.
---@param c Context
function M.present(c)
  local known = { nodes = {} }
  if selection.all_fixed(c.vm) then
    known.eem = selection.named_devices(c)
    if #known.eem < #c.vm.gpus then
      local missing = {}
      for _, request in ipairs(c.vm.gpus) do
        local id = requests.fixed(request)
        missing[#missing + 1] = not find(known.eem, "id", id) and id or nil
      end
      failover.fail("NO_DEVICE", "ExpEther Manager does not know the device %s",
        table.concat(missing, ", "))
    end
    local list, quarantined = {}, c.quarantine:active()
    for i, request in ipairs(c.vm.gpus) do
      local device = find(known.eem, "id", requests.fixed(request))
      local card = #list == i - 1 and inventory.card(c, device, quarantined)
      list[#list + 1] = card and selection.gpu_of(card) or nil
    end
    if #list == #c.vm.gpus then
      return list
    end
    local situation = inventory.read(c, { nodes = {}, known = known })
    for i, request in ipairs(c.vm.gpus) do
      list[i] = selection.gpu_of(find(situation.devices, "id", requests.fixed(request)))
    end
    return list
  end
  local situation = inventory.read(c, { nodes = { c.node }, known = known })
  local list = by_assignment(c, situation)
  if c.memory.had then
    local all, open = by_model(c, situation, list)
    if not all then
      local ids = {}
      for i, device in ipairs(open) do
        ids[i] = device.id
      end
      failure.raise({
        code = "NO_DEVICE",
        message = ("nothing tells which of %s on %s was the device of %s; all of them are left")
          :format(table.concat(ids, ", "), c.node, c.vm_name),
        hint = ('in parameters.lua, give devices["%s"].locations = { %s = "PCIROOT(...)..." }')
          :format(ids[1], c.node),
      })
    end
    list = all
  elseif #list == 0 then
    list = left_behind(c, situation)
  end
  for i, device in ipairs(list) do
    list[i] = selection.gpu_of(device)
    list[i].described = true
  end
  return list
end

return M
