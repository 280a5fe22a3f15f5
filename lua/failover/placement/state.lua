-- A plan in the making: what is left of devices and nodes, and who has what. Built once from a
-- situation; every later change goes through the trail and can be taken back.
--
-- Running machines that stay where they are (pinned) take their devices and their places on the
-- boards out of it. An idle device in the group of a node takes no place for good: it can be given
-- back to the pool, which the plan then says.
local groups = require("failover.placement.groups")
local judge = require("failover.placement.judge")
local matching = require("failover.placement.matching")
local trail = require("failover.placement.trail")

local M = {}

local ANY, BY_ID = {}, { id = true }

---@class PlacementState
local State = {}
State.__index = State

-- Judged without regard to who has it: who that is, pinning tells.
local function status_of(situation, device, named, owner)
  -- What a machine has that parameters.lua does not name is never given away.
  local about = { situation = situation, vm = owner, owned = owner ~= nil }
  local code, text = judge.obstacle(ANY, device, about)
  if code and named then
    local worse, why = judge.obstacle(BY_ID, device, about)
    if not worse then
      return "by id", code, text
    end
    code, text = worse, why
  end
  return code and "no" or "yes", code, text
end

local function node_key(vm)
  if not vm.nodes then
    return ""
  end
  local list = table.move(vm.nodes, 1, #vm.nodes, 1, {})
  table.sort(list)
  return table.concat(list, "\1")
end

-- The nodes on which a machine may be, without regard to their state.
function State:nodes_for(vm)
  local key = node_key(vm)
  local list = self.node_lists[key]
  if not list then
    list = {}
    for _, place in ipairs(self.places) do
      local allowed = not vm.nodes
      for _, name in ipairs(vm.nodes or {}) do
        allowed = allowed or name == place.name
      end
      if allowed then
        list[#list + 1] = place
      end
    end
    self.node_lists[key] = list
  end
  return list, key
end

-- How many of them may take something.
function State:open_nodes(vm)
  local list, key = self:nodes_for(vm)
  local count = self.open_counts[key]
  if not count then
    count = 0
    for _, place in ipairs(list) do
      count = count + (place.closed and 0 or 1)
    end
    self.open_counts[key] = count
  end
  return count
end

-- Why nothing is placed on a node, or nil.
local function closed(node)
  return not node.reachable and "UNREACHABLE" or node.drained and "DRAINED" or nil
end

local function add_places(self, situation, leave)
  for i, node in ipairs(situation.nodes) do
    local place = {
      node = node, name = node.name, number = i, used = 0, closed = closed(node),
      room = node.capacity or math.huge, movable = {}, shares = {},
    }
    if leave and leave[node.name] and not place.closed then
      place.closed = "DRAINED"
    end
    self.places[i], self.place[node.name] = place, place
  end
end

local function add_devices(self, situation)
  for _, device in ipairs(situation.devices) do
    local class = self.groups.class_of[device.id]
    local status, code, text = status_of(situation, device, self.groups.named[device.id],
      self.owner[device])
    self.status[device], self.code[device], self.text[device] = status, code, text
    local place = self.place[device.node]
    if device.kind == "partitionable" then
      self.left[class] = self.left[class] or 0
      if place and status ~= "no" and place.closed ~= "UNREACHABLE" then
        place.shares[#place.shares + 1] = device
        self.share[device] = {
          free = device.free_vram or math.huge,
          left = (device.most or math.huge) - (device.partitions or 0),
        }
      end
    else
      self.left[class] = (self.left[class] or 0) + (status ~= "no" and 1 or 0)
      if status == "by id" then
        self.id_only[class] = true
      elseif status == "no" and place then
        place.room = place.room - 1 -- nobody can take it away from the board
      end
    end
  end
end

local function among(list, value)
  for _, entry in ipairs(list or {}) do
    if entry == value then
      return true
    end
  end
  return false
end

-- What each machine has, by its own list and by the devices' word. Of cards that nothing tells
-- apart each gets as many as it has, whichever they are: they are alike.
local function add_vms(self, situation)
  for _, vm in ipairs(situation.vms) do
    local own = {}
    self.own[vm], self.vm[vm.key] = own, vm
    for _, id in ipairs(vm.devices or {}) do
      local device = self.by_id[id]
      if device and not among(own, device) then
        own[#own + 1] = device
        self.owner[device] = self.owner[device] or vm
      end
    end
  end
  for _, device in ipairs(situation.devices) do
    local vm = device.vm and not device.users and self.vm[device.vm]
    if vm and not among(self.own[vm], device) then
      table.insert(self.own[vm], device)
      self.owner[device] = self.owner[device] or vm
    end
  end
  for _, vm in ipairs(situation.vms) do
    local missing = vm.unresolved or 0
    for _, device in ipairs(missing > 0 and situation.devices or {}) do
      if missing > 0 and not self.owner[device] and among(device.users, vm.key) then
        table.insert(self.own[vm], device)
        self.owner[device], missing = vm, missing - 1
      end
    end
  end
end

-- options: policy, leave (set of node names whose machines go elsewhere)
---@param situation Situation
---@param options table
---@return PlacementState
function M.open(situation, options)
  local self = setmetatable({
    situation = situation, options = options, policy = options.policy or "spread",
    trail = trail.new(), groups = groups.open(situation), places = {}, place = {},
    node_lists = {}, status = {}, code = {}, text = {}, by_id = {}, left = {}, id_only = {},
    share = {}, taken = {}, own = {}, owner = {}, vm = {},
    kinds = {}, given = {}, boxes = {}, pressure = {},
    movable_keys = {}, stopped = {}, open_counts = {},
  }, State)
  self.matching = matching.new(self.trail, self.left)
  for _, device in ipairs(situation.devices) do
    self.by_id[device.id] = device
  end
  add_vms(self, situation)
  add_places(self, situation, options.leave)
  add_devices(self, situation)
  return self
end

function State:set(tbl, key, value)
  self.trail:set(tbl, key, value)
end

-- Takes back a whole plan, or a question.
function State:rollback(mark)
  self.trail:rollback(mark)
  self.matching:forget()
end

---- who stays where it is -------------------------------------------------------------------------

-- The memory of a share that a machine uses, as its request says.
local function vram_of(vm)
  for _, request in ipairs(vm.requests) do
    for _, criteria in ipairs(request.alternatives) do
      if criteria.partition then
        return criteria.partition.vram or 0
      end
    end
  end
  return 0
end

-- A running machine keeps its devices and its place. Of a share the inventory has counted the use.
function State:pin(vm)
  local place = self.place[vm.node]
  for _, device in ipairs(self.own[vm]) do
    if device.kind ~= "partitionable" and not self.taken[device] then
      self:set(self.taken, device, vm)
      local usable = self.status[device] ~= "no"
      if usable then
        local class = self.groups.class_of[device.id]
        self:set(self.left, class, self.left[class] - 1)
      end
      if place then
        self:set(place, "used", place.used + 1)
        if usable then
          self:set(place, "room", place.room - 1)
        end
      end
    elseif device.kind == "partitionable" and place then
      self:set(place, "used", place.used + 1)
    end
  end
  self:set(self.given, vm, { node = vm.node, stays = true, devices = self.own[vm] })
end

-- It does not run any more: what it had is there for others, as far as it works.
function State:unpin(vm)
  local place = self.place[vm.node]
  for _, device in ipairs(self.own[vm]) do
    if self.taken[device] == vm then
      self:set(self.taken, device, nil)
      local usable = self.status[device] ~= "no"
      if usable then
        self.matching:give(self.groups.class_of[device.id])
      end
      if place then
        self:set(place, "used", place.used - 1)
        if usable then
          self:set(place, "room", place.room + 1)
        end
      end
    elseif device.kind == "partitionable" then
      if place then
        self:set(place, "used", place.used - 1)
      end
      local share = self.share[device]
      if share then
        self:set(share, "free", share.free + vram_of(vm))
        self:set(share, "left", share.left + 1)
      end
    end
  end
  self:set(self.given, vm, nil)
end

-- May a running machine be asked to give its devices to a higher priority? Only one that could have
-- stayed: not where its node or its devices would let no machine start now.
function State:may_give(vm)
  local place, allowed = self.place[vm.node], false
  for _, other in ipairs((self:nodes_for(vm))) do
    allowed = allowed or other == place
  end
  for _, device in ipairs(self.own[vm]) do
    allowed = allowed and self.status[device] == "yes"
  end
  return allowed and not place.closed and #self.own[vm] > 0
end

---- failures --------------------------------------------------------------------------------------

-- A device is gone. A machine that has it must be unpinned by the caller, before.
function State:lose_device(device)
  if device.kind == "partitionable" then
    local share = self.share[device]
    if share then
      self:set(share, "left", 0)
    end
  elseif self.status[device] ~= "no" then
    local class = self.groups.class_of[device.id]
    if not self.taken[device] then
      self:set(self.left, class, self.left[class] - 1)
    end
  elseif self.place[device.node] then
    local place = self.place[device.node]
    self:set(place, "room", place.room + 1) -- it took a place, and is gone
  end
  self:set(self.status, device, "no")
  self:set(self.code, device, "MISSING")
end

-- A node is gone, with the GPUs that are in it. What is connected to it can be taken away: ECX says
-- that it is down, which is the evidence that start asks for.
function State:lose_node(place)
  self:set(place, "closed", "UNREACHABLE")
  self:set(self, "open_counts", {})
  for _, device in ipairs(place.shares) do
    self:lose_device(device)
  end
end

---- wishes ----------------------------------------------------------------------------------------

-- What units of a request accept: classes in the order in which they are preferred. alternative:
-- only this one; nil: all of them. Wishes for shares have none.
function State:unit_kind(request, alternative)
  local words = {}
  for i, criteria in ipairs(request.alternatives) do
    if not alternative or i == alternative then
      words[#words + 1] = self.groups:kind(criteria).number
    end
  end
  local key = (alternative or 1) .. ":" .. table.concat(words, ",")
  local kind = self.kinds[key]
  if kind then
    return kind
  end
  local first, classes = {}, {}
  for i, criteria in ipairs(request.alternatives) do
    if not alternative or i == alternative then
      for _, class in ipairs(self.groups:classes_for(criteria)) do
        if not first[class] and class.sample.kind ~= "partitionable"
          and (criteria.id or not self.id_only[class]) then
          first[class] = i
          classes[#classes + 1] = class
        end
      end
    end
  end
  local pressure = self.pressure
  table.sort(classes, function(a, b)
    if first[a] ~= first[b] then
      return first[a] < first[b]
    elseif (pressure[a] or 0) ~= (pressure[b] or 0) then
      return (pressure[a] or 0) < (pressure[b] or 0)
    end
    return a.number < b.number
  end)
  kind = { classes = classes, first = first }
  self.kinds[key] = kind
  return kind
end

-- Does the machine want single cards in any box, and nothing else? Then units stand for it.
function M.is_simple(vm)
  for _, request in ipairs(vm.requests) do
    if (request.same_box or request.different_box) and request.count > 1 then
      return false
    end
    for _, criteria in ipairs(request.alternatives) do
      if criteria.partition then
        return false
      end
    end
  end
  return true
end

return M
