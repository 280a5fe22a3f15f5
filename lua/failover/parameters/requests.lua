-- Requests for GPUs in parameters.lua: what a virtual machine asks for, as it may be written, what
-- is wrong about it, and the one form in which the rest of the program reads it.
--
-- Whether a device fits a request is asked in failover/placement. Here only what no state of the
-- world could ever satisfy is found: an unknown label, more devices than are declared.
local schema = require("failover.parameters.schema")
local values = require("failover.parameters.values")

local M = {}

local text, integer, boolean = schema.text, schema.integer, schema.boolean
local below, suggestion, sorted_keys = schema.below, schema.suggestion, schema.sorted_keys

local COUNT_MAX = 64 -- more than a server board can hold

-- What a device must be.
local criteria = {
  id = { values.device_id },
  vendor = { values.four_digits },
  device = { values.four_digits },
  class = { values.class },
  labels = { values.labels },
  model = { text() },
  min_memory = { values.bytes },
  partition = { schema.record({ vram = { values.bytes, required = true } }) },
}
local criteria_keys = sorted_keys(criteria)

local function with(base, more)
  local fields = {}
  for _, from in ipairs({ base, more }) do
    for key, field in pairs(from) do
      fields[key] = field
    end
  end
  return fields
end

-- The checker of one entry of vms.NAME.gpus.
M.request = schema.record(with(criteria, {
  first_of = { schema.list(schema.record(criteria), 1) }, -- alternatives have none themselves
  count = { integer(1, COUNT_MAX) },
  min = { integer(1, COUNT_MAX) },
  same_box = { boolean() },
  different_box = { boolean() },
}))

---- one form --------------------------------------------------------------------------------------

local function labels_text(labels)
  local parts = {}
  for _, key in ipairs(sorted_keys(labels or {})) do
    parts[#parts + 1] = key .. "=" .. labels[key]
  end
  return table.concat(parts, ", ")
end

-- A device that fits, in words: "10de:1f08 with purpose=training".
local function described(c)
  if c.id then
    return c.id
  end
  local words, conditions = {}, {}
  if c.device then
    words[1] = (c.vendor or "any") .. ":" .. c.device
  elseif c.vendor then
    words[1] = "vendor " .. c.vendor
  end
  words[#words + 1] = c.model
  words[#words + 1] = c.class and "class " .. c.class
  if #words == 0 then
    words[1] = "device"
  end
  local labels = labels_text(c.labels)
  conditions[#conditions + 1] = labels ~= "" and labels or nil
  conditions[#conditions + 1] = c.min_memory and values.size_of(c.min_memory) .. " of memory" or nil
  local description = table.concat(words, ", ")
    .. (#conditions > 0 and " with " .. table.concat(conditions, " and ") or "")
  return c.partition and values.size_of(c.partition.vram) .. " of a " .. description or description
end

local function title_of(request)
  local parts = {}
  for i, entry in ipairs(request.alternatives) do
    parts[i] = described(entry)
  end
  return (request.count > 1 and request.count .. " of " or "") .. table.concat(parts, ", or ")
end

---@class Criteria
---@field id string? an EEM device id; then nothing else stands here
---@field vendor string? four digits
---@field device string? four digits
---@field class string? two, four or six digits: the beginning of a PCI class
---@field labels table<string, string>?
---@field model string?
---@field min_memory integer? bytes
---@field partition { vram: integer }? a share of a GPU, in bytes

---@class Request
---@field count integer
---@field min integer equals count unless a degraded start is allowed
---@field same_box boolean
---@field different_box boolean
---@field alternatives Criteria[] in the order of preference; all devices come from one of them
---@field title string for people

-- A request as the program reads it. One that has this form already is given back as it is.
---@param request table as it is written in parameters.lua, and checked
---@return Request
function M.normalise(request)
  if request.alternatives then
    return request
  end
  local single = {}
  for _, key in ipairs(criteria_keys) do
    single[key] = request[key]
  end
  local normal = {
    count = request.count or 1, min = request.min or request.count or 1,
    same_box = request.same_box or false, different_box = request.different_box or false,
    alternatives = request.first_of or { single },
  }
  normal.title = title_of(normal)
  return normal
end

-- How many devices a virtual machine asks for, and with how few it may start.
---@param vm { gpus: Request[] }
---@return integer count, integer least
function M.wanted(vm)
  local count, least = 0, 0
  for _, request in ipairs(vm.gpus) do
    count, least = count + request.count, least + request.min
  end
  return count, least
end

-- The id of a request for one certain device, else nil.
---@param request Request
---@return string?
function M.fixed(request)
  return #request.alternatives == 1 and request.alternatives[1].id or nil
end

---- what no state of the world could satisfy ------------------------------------------------------

-- What is known of labels under devices: values by key.
local function declared_labels(devices)
  local known = {}
  for _, device in pairs(devices) do
    for key, value in pairs(device.labels) do
      known[key] = known[key] or {}
      known[key][value] = true
    end
  end
  return known
end

local function check_labels(labels, known, path, report)
  for _, key in ipairs(sorted_keys(labels)) do
    local at = below(path, key)
    if not known[key] then
      report(at, "no device has a label of this name" .. suggestion(key, sorted_keys(known)))
    elseif not known[key][labels[key]] then
      report(at, ('no device has this label with the value "%s"%s'):format(labels[key],
        suggestion(labels[key], sorted_keys(known[key]))))
    end
  end
end

-- Could this declared device ever fit? What is not declared of it may be so.
local function may_fit(c, device)
  for key, value in pairs(c.labels or {}) do
    if device.labels[key] ~= value then
      return false
    end
  end
  for _, key in ipairs({ "vendor", "device" }) do
    if c[key] and device[key] and c[key] ~= device[key] then
      return false
    end
  end
  local class_known = math.min(#(c.class or ""), #(device.class or ""))
  if c.class and device.class and c.class:sub(1, class_known) ~= device.class:sub(1, class_known)
  then
    return false
  end
  if c.model and c.model:lower() ~= (device.model or ""):lower() then
    return false
  end
  return not c.min_memory or (device.memory or 0) >= c.min_memory
end

-- Only what is declared has these, so the devices that could ever fit are known.
local function needs_declared(c)
  return not c.partition and (next(c.labels or {}) ~= nil or c.model ~= nil or c.min_memory ~= nil)
end

-- The most devices that may be in one box together, and the most of which no two are. A device
-- whose box is not declared may be in any.
local function in_boxes(list)
  local boxes, most, different, anywhere = {}, 0, 0, 0
  for _, device in ipairs(list) do
    if not device.box then
      anywhere = anywhere + 1
    else
      different = different + (boxes[device.box] and 0 or 1)
      boxes[device.box] = (boxes[device.box] or 0) + 1
      most = math.max(most, boxes[device.box])
    end
  end
  return most + anywhere, different + anywhere
end

local function plural(count)
  return count == 1 and "1 device" or count .. " devices"
end

-- Calls report(path, message) where count can never be reached with the devices that are declared.
local function check_count(request, c, devices, path, report)
  if not needs_declared(c) then
    return
  end
  local fitting = {}
  for _, id in ipairs(sorted_keys(devices)) do
    if may_fit(c, devices[id]) then
      fitting[#fitting + 1] = devices[id]
    end
  end
  local count = request.count or 1
  local together, apart = in_boxes(fitting)
  if #fitting < count then
    report(path, ("asks for %s, and %s under devices can ever fit (labels, model and memory are"
      .. " what is written there)"):format(plural(count), #fitting == 0 and "none" or #fitting))
  elseif request.same_box and together < count then
    report(path, ("asks for %s in one box, and no box under devices has more than %d that fit")
      :format(plural(count), together))
  elseif request.different_box and apart < count then
    report(path, ("asks for %s in different boxes, and those that fit are in %d"):format(
      plural(count), apart))
  end
end

local function check_criteria(c, request, path, report, site)
  if c.id then
    for _, key in ipairs(criteria_keys) do
      if key ~= "id" and c[key] ~= nil then
        report(below(path, key), "cannot stand beside id, which names one device")
      end
    end
    return
  end
  local any = false
  for _, key in ipairs(criteria_keys) do
    any = any or c[key] ~= nil and not (key == "labels" and next(c.labels) == nil)
  end
  if not any then
    report(path, "needs id, or what the device must be: vendor and device, class, labels, model or"
      .. " min_memory")
  elseif c.device and not c.vendor then
    report(path, "needs vendor beside device, whose digits are the vendor's own")
  end
  if c.partition and c.min_memory then
    report(below(path, "min_memory"), "cannot stand beside partition, whose vram says it")
  end
  local sound = true
  check_labels(c.labels or {}, site.labels, below(path, "labels"), function(...)
    sound = false
    report(...)
  end)
  if sound then
    check_count(request, c, site.devices, path, report)
  end
end

local function check_boxes(request, path, report, site)
  for _, key in ipairs({ "same_box", "different_box" }) do
    if request[key] and not site.boxes then
      report(below(path, key), "no device under devices says its box")
    end
  end
  if request.same_box and request.different_box then
    report(below(path, "different_box"), "contradicts same_box")
  end
end

local function check_one(request, path, report, site)
  if request.min and request.min > (request.count or 1) then
    report(below(path, "min"), ("must not be more than count, which is %d"):format(
      request.count or 1))
  end
  check_boxes(request, path, report, site)
  if not request.first_of then
    if request.id then
      for _, key in ipairs({ "count", "min", "same_box", "different_box" }) do
        if request[key] ~= nil then
          report(below(path, key), "cannot stand beside id, which names one device")
        end
      end
    end
    check_criteria(request, request, path, report, site)
    return
  end
  for _, key in ipairs(criteria_keys) do
    if request[key] ~= nil then
      report(below(path, key), "cannot stand beside first_of; write it in each alternative")
    end
  end
  for i, entry in ipairs(request.first_of) do
    local at = below(below(path, "first_of"), i)
    if entry.id and (request.count or 1) > 1 then
      report(below(at, "id"), ("names one device, and count is %d"):format(request.count))
    end
    check_criteria(entry, request, at, report, site)
  end
end

-- What is known of the site, for the requests of all virtual machines.
---@param devices table the checked devices
function M.site(devices)
  local boxes = false
  for _, device in pairs(devices) do
    boxes = boxes or device.box ~= nil
  end
  return { devices = devices, labels = declared_labels(devices), boxes = boxes }
end

-- Checks what concerns several keys of a virtual machine's requests.
---@param gpus table[] as written, each checked by itself
---@param path (string|integer)[]
---@param report Report
---@param site table of M.site
function M.check(gpus, path, report, site)
  for i, request in ipairs(gpus) do
    check_one(request, below(path, i), report, site)
  end
end

return M
