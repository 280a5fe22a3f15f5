-- Plug and play of one node: which PCI functions it has, where, and whether the host, nobody or
-- Hyper-V owns them. Rules: docs/facts/hyperv-wmi.md#3. A function that Hyper-V has
-- (dismounted) is gone from PCI\ and there under PCIP\ with the same tail and location.
local errors = require("lab.world.errors")
local text = require("lab.world.text")

local lower, upper = text.lower, text.upper

local M = {}
M.__index = M

local DISABLED, PHANTOM = 22, 45
local CLASS_GUIDS = {
  Display = "{4d36e968-e325-11ce-bfc1-08002be10318}",
  MEDIA = "{4d36e96c-e325-11ce-bfc1-08002be10318}",
  Net = "{4d36e972-e325-11ce-bfc1-08002be10318}",
  System = "{4d36e97d-e325-11ce-bfc1-08002be10318}",
}

function M.new(world, node)
  return setmetatable({
    world = world,
    node = node,
    entries = {}, -- in the order of their coming
    by_id = {}, -- PCI\ and PCIP\ instance id, upper case -> entry
    disabled = {}, -- PCI\ instance ids whose driver was disabled for good
    left_dismounted = {}, -- PCI\ instance ids that went away while dismounted
  }, M)
end

-- What of a function's names is the same wherever it is.
local names = text.kept(function(fn)
  local vendor, device = fn.vendor:upper(), fn.device:upper()
  local subsystem = fn.subsystem or "00000000"
  local subclass = fn.class:sub(1, 4)
  return {
    hardware = string.format("VEN_%s&DEV_%s&SUBSYS_%s&REV_%s", vendor, device, subsystem,
      fn.revision or "A1"),
    hardware_ids = {
      string.format("PCI\\VEN_%s&DEV_%s&SUBSYS_%s", vendor, device, subsystem),
      string.format("PCI\\VEN_%s&DEV_%s&CC_%s", vendor, device, fn.class:upper()),
      string.format("PCI\\VEN_%s&DEV_%s&CC_%s", vendor, device, subclass:upper()),
    },
    subclass = subclass,
  }
end)

local function add(self, fn, location, tail, slot, index)
  local name = names(fn)
  local hardware = name.hardware
  local entry = {
    id = "PCI\\" .. hardware .. "\\" .. tail,
    dismounted_id = "PCIP\\" .. hardware .. "\\" .. tail,
    fn = fn,
    hardware_ids = name.hardware_ids,
    subclass = name.subclass,
    index = index,
    slot = slot,
    location = location,
    present = true,
    disabled = false,
    dismounted = false,
    listed = false, -- among Hyper-V's assignable devices
  }
  local phantom = self.by_id[upper(entry.dismounted_id)]
  if phantom then
    for i, other in ipairs(self.entries) do
      if other == phantom then
        table.remove(self.entries, i)
        break
      end
    end
  end
  self.entries[#self.entries + 1] = entry
  self.by_id[upper(entry.id)] = entry
  self.by_id[upper(entry.dismounted_id)] = entry
  return entry
end

-- A device that is part of the server.
function M:add_onboard(fn, number)
  local tail = string.format("3&%X&0&%02X", 0x11583659 + self.node.number, number)
  add(self, fn, fn.location or string.format("PCIROOT(0)#PCI(%02X00)", number), tail, nil, 0)
end

-- Location of a slot's card and tail of its instance id: both differ from node to node and from
-- port to port.
local function place(self, slot, behind, index)
  local root = string.format("%s#PCI(%02X00)#PCI(0000)", self.node.location_root, slot.port - 1)
  local tail = string.format("%d&%X&0&%02X%02X", behind and 6 or 5, 0x2A9C5100 + self.node.number,
    slot.port, index * 8)
  if behind then
    return root .. string.format("#PCI(0800)#PCI(%04X)", index), tail
  end
  return root:gsub("%(0000%)$", string.format("(%04X)", index)), tail
end

local function was_disabled(self, entry)
  return self.world.switches.device_returns ~= "enabled" and self.disabled[entry.id] or false
end

local function come(self, slot, fn, behind, index)
  local location, tail = place(self, slot, behind, index)
  local entry = add(self, fn, location, tail, slot, index)
  entry.disabled = was_disabled(self, entry)
  if self.left_dismounted[entry.id] and self.world.switches.device_returns == "dismounted" then
    entry.dismounted = true
    entry.listed = true
  end
end

local function has(self, slot)
  for _, entry in ipairs(self.entries) do
    if entry.slot == slot and entry.present then
      return true
    end
  end
  return false
end

-- The functions of a linked slot come into the tree.
function M:appear(slot)
  if not self.node.up or slot.board ~= self.node.board or has(self, slot) then
    return
  end
  if slot.bridge then
    come(self, slot, slot.bridge, false, 0)
  end
  for i, fn in ipairs(slot.functions or {}) do
    come(self, slot, fn, slot.bridge ~= nil, i - 1)
  end
  self.world.invariants:check_held(slot)
end

local function appear_due(self, slot, epoch)
  if epoch == slot.epoch then
    self:appear(slot)
  end
end

-- The link to a slot has come up.
function M:linked(slot)
  if not self.node.up then
    return -- the operating system finds it when it boots
  end
  if self.world.switches.enumeration == "auto" then
    self.world.clock:after(self.world.latency.enumerate, appear_due, self, slot, slot.epoch)
  end
end

function M:rescan()
  if self.world.faults:lies() then
    return 0
  end
  for _, slot in ipairs(self.world.fabric.slots) do
    if slot.board == self.node.board and not has(self, slot) then
      self.world.clock:after(self.world.latency.enumerate, appear_due, self, slot, slot.epoch)
    end
  end
  return 0
end

-- The functions of a slot leave, whoever uses them. What Hyper-V had stays behind as a phantom.
function M:unplug(slot)
  local kept, gone = {}, {}
  for _, entry in ipairs(self.entries) do
    if entry.slot ~= slot or not entry.present then
      kept[#kept + 1] = entry
    else
      gone[#gone + 1] = entry
      entry.present = false
      entry.listed = false
      self.by_id[upper(entry.id)] = nil
      self.left_dismounted[entry.id] = entry.dismounted or nil
      if entry.dismounted and self.world.switches.phantoms then
        kept[#kept + 1] = entry
      else
        self.by_id[upper(entry.dismounted_id)] = nil
      end
    end
  end
  self.entries = kept
  for _, entry in ipairs(gone) do
    self.node.hyperv:device_lost(entry)
  end
end

-- Power is gone: the tree with it.
function M:clear()
  local kept = {}
  self.by_id = {}
  for _, entry in ipairs(self.entries) do
    if not entry.slot then
      kept[#kept + 1] = entry
      self.by_id[upper(entry.id)] = entry
      self.by_id[upper(entry.dismounted_id)] = entry
    else
      if entry.present then
        self.left_dismounted[entry.id] = entry.dismounted or nil
      end
      entry.present = false
      entry.listed = false
    end
  end
  self.entries = kept
end

-- Every computer has PCI devices of its own; one stands for them.
local BRIDGE = {
  id = "PCI\\VEN_8086&DEV_2020&SUBSYS_00000000&REV_04\\0&11583659&0&00",
  name = "Intel(R) Xeon(R) processor DMI3 Registers - 2020", class = "System",
  class_guid = CLASS_GUIDS.System, manufacturer = "INTEL", vendor = "8086", device = "2020",
  subclass = "0600", location = "PCIROOT(0)#PCI(0000)", problem = 0, present = true,
  dismounted = false, service = "", hardware_ids = { "PCI\\VEN_8086&DEV_2020&CC_060000" },
}

local function view(entry)
  local fn = entry.fn
  local problem = 0
  if not entry.present then
    problem = PHANTOM
  elseif entry.disabled and not entry.dismounted then
    problem = DISABLED
  elseif not entry.dismounted and entry.slot and fn.class:sub(1, 2) == "03" then
    problem = entry.slot.problem or 0
  end
  return {
    id = entry.dismounted and entry.dismounted_id or entry.id,
    name = entry.dismounted and "PCI Express Graphics Processing Unit - Dismounted" or fn.name,
    class = entry.dismounted and "System" or fn.pnp_class,
    class_guid = CLASS_GUIDS[entry.dismounted and "System" or fn.pnp_class],
    manufacturer = entry.dismounted and "Microsoft" or fn.manufacturer,
    vendor = fn.vendor,
    device = fn.device,
    subclass = entry.subclass,
    location = entry.location,
    problem = problem,
    present = entry.present,
    dismounted = entry.dismounted,
    service = entry.dismounted and "pcip" or fn.service,
    hardware_ids = entry.hardware_ids,
    serial = entry.slot and entry.slot.serial,
  }
end

---@param vendor string? only its devices
function M:devices(vendor)
  local list = {}
  for _, entry in ipairs(self.entries) do
    if not vendor or lower(entry.fn.vendor) == lower(vendor) then
      list[#list + 1] = view(entry)
    end
  end
  if not vendor or lower(vendor) == BRIDGE.vendor then
    list[#list + 1] = BRIDGE
  end
  return list
end

-- The tree's record of an instance id as it is now (PCIP\ only while dismounted), or nil.
function M:entry(id)
  id = upper(id)
  local entry = self.by_id[id]
  if entry and upper(entry.dismounted and entry.dismounted_id or entry.id) == id then
    return entry
  end
  return nil
end

function M:find(id)
  local entry = self:entry(id)
  return entry and view(entry) or upper(id) == BRIDGE.id and BRIDGE or nil
end

-- Present record at a location, or nil.
function M:at(location)
  for _, entry in ipairs(self.entries) do
    if entry.present and entry.location:upper() == location:upper() then
      return entry
    end
  end
  return nil
end

local function changeable(self, id)
  local entry = self:entry(id)
  if not entry then
    errors.wmi(errors.NOT_FOUND, "there is no device %s", id)
  end
  if entry.dismounted or not entry.present then
    errors.wmi(errors.FAILED, "device %s cannot be enabled or disabled", id)
  end
  return entry
end

local function set_disabled(self, id, disabled, verb)
  local entry = changeable(self, id)
  if entry.disabled ~= disabled and not self.world.faults:lies() then
    entry.disabled = disabled
    self.disabled[entry.id] = disabled or nil
    self.world:log(self.node.name, verb, entry.id)
    if disabled then
      self.node.hyperv:device_lost(entry)
    end
  end
  return 0, self.world.switches.reboot_needed
end

-- Lasting, as Disable-PnpDevice is.
function M:disable(id)
  return set_disabled(self, id, true, "disable")
end

function M:enable(id)
  return set_disabled(self, id, false, "enable")
end

local acpi_path = text.kept(function(location)
  local path = location:gsub("PCIROOT%((%w+)%)", "ACPI(_SB_)#ACPI(PC%1)", 1)
  return (path:gsub("#PCI%((%w+)%)", "#ACPI(P%1)"))
end)

function M:location_paths(id)
  if upper(id) == BRIDGE.id then
    return { BRIDGE.location, acpi_path(BRIDGE.location) }
  end
  local entry = self:entry(id)
  if not entry then
    errors.wmi(errors.NOT_FOUND, "there is no device %s", id)
  end
  return { entry.location, acpi_path(entry.location) }
end

-- Before the beginning: this slot's functions are to come up disabled (the one-time preparation
-- of a host).
function M:remember_disabled(slot)
  for i, fn in ipairs(slot.functions or {}) do
    local _, tail = place(self, slot, slot.bridge ~= nil, i - 1)
    self.disabled["PCI\\" .. names(fn).hardware .. "\\" .. tail] = true
  end
end

return M
