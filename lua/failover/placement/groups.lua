-- Equal devices and equal wishes, told apart once: a thousand devices are seldom more than a few
-- dozen different ones, and so are the wishes of a thousand machines. What follows from what they
-- are is asked once for each pair of groups.
local judge = require("failover.placement.judge")

local M = {}

local function sorted_pairs(map)
  local list = {}
  for key, value in pairs(map or {}) do
    list[#list + 1] = tostring(key) .. "\1" .. tostring(value)
  end
  table.sort(list)
  return table.concat(list, "\2")
end

-- Text that is equal for criteria that accept the same devices.
---@param criteria Criteria
---@return string
function M.key_of(criteria)
  local partition = criteria.partition
  return table.concat({
    criteria.id or "", criteria.vendor or "", criteria.device or "", criteria.class or "",
    criteria.model or "", tostring(criteria.min_memory or ""),
    partition and tostring(partition.vram or "any") or "", sorted_pairs(criteria.labels),
  }, "\3")
end

-- Text that is equal for devices that no criteria can tell apart, except by id.
---@param device Device
---@return string
local function key_of_device(device)
  return table.concat({
    device.kind, device.vendor or "", device.device or "", device.class or "", device.model or "",
    tostring(device.memory or device.total_vram or ""),
    device.state == "missing" and "missing" or "", sorted_pairs(device.labels),
  }, "\3")
end

---@class Groups
local Groups = {}
Groups.__index = Groups

-- Groups for the devices of a situation. A device that a request names by id is a group of its own.
---@param situation Situation
---@return Groups
function M.open(situation)
  local self = setmetatable({
    kinds = {}, kind_by_key = {}, classes = {}, class_of = {}, fit = {}, of_criteria = {},
  }, Groups)
  local named = {}
  for _, vm in ipairs(situation.vms) do
    for _, request in ipairs(vm.requests) do
      for _, criteria in ipairs(request.alternatives) do
        if criteria.id then
          named[criteria.id] = true
        end
      end
    end
  end
  self.named = named
  local by_key = {}
  for _, device in ipairs(situation.devices) do
    local key = key_of_device(device)
    if named[device.id] then
      key = key .. "\4" .. device.id
    end
    local class = by_key[key]
    if not class then
      class = { number = #self.classes + 1, sample = device, devices = {} }
      by_key[key] = class
      self.classes[class.number] = class
    end
    class.devices[#class.devices + 1] = device
    self.class_of[device.id] = class
  end
  return self
end

-- The group of equal criteria: { number, criteria, key }.
---@param criteria Criteria
function Groups:kind(criteria)
  local kind = self.of_criteria[criteria]
  if not kind then
    local key = M.key_of(criteria)
    kind = self.kind_by_key[key]
    if not kind then
      kind = { number = #self.kinds + 1, criteria = criteria, key = key }
      self.kinds[kind.number] = kind
      self.kind_by_key[key] = kind
    end
    self.of_criteria[criteria] = kind
  end
  return kind
end

-- The classes whose devices are what the criteria ask for, in order.
function Groups:classes_for(criteria)
  local kind = self:kind(criteria)
  local list = self.fit[kind]
  if not list then
    list = {}
    for _, class in ipairs(self.classes) do
      if not judge.mismatch(kind.criteria, class.sample) then
        list[#list + 1] = class
      end
    end
    self.fit[kind] = list
  end
  return list
end

-- Are the device's own properties what the criteria ask for?
function Groups:fits(criteria, device)
  local kind = self:kind(criteria)
  local set = kind.set
  if not set then
    set = {}
    for _, class in ipairs(self:classes_for(criteria)) do
      set[class] = true
    end
    kind.set = set
  end
  return set[self.class_of[device.id]] == true
end

-- How much the machines that are given leave each class wanted: a machine that has few devices to
-- choose from weighs more on each of them. Text ids of classes to numbers.
---@param vms Machine[]
---@param usable fun(device: Device): boolean
---@return table<table, number> by class
function Groups:pressure(vms, usable)
  local count = {}
  for _, class in ipairs(self.classes) do
    local n = 0
    for _, device in ipairs(class.devices) do
      n = n + (usable(device) and 1 or 0)
    end
    count[class] = n
  end
  local pressure, times = {}, {}
  for _, vm in ipairs(vms) do
    for _, request in ipairs(vm.requests) do
      for _, criteria in ipairs(request.alternatives) do
        local kind = self:kind(criteria)
        times[kind] = (times[kind] or 0) + request.count / #request.alternatives
      end
    end
  end
  for _, kind in ipairs(self.kinds) do
    if times[kind] then
      local classes, total = self:classes_for(kind.criteria), 0
      for _, class in ipairs(classes) do
        total = total + count[class]
      end
      for _, class in ipairs(classes) do
        pressure[class] = (pressure[class] or 0) + (total > 0 and times[kind] / total or 0)
      end
    end
  end
  return pressure
end

return M
