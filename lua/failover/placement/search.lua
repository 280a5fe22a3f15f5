-- Every plan, for few machines: depth first, cut off where even placing all that are left would not
-- be better than the best plan so far. Equal devices and equal nodes are tried once. Where the
-- number of steps runs out, nothing is claimed.
local place = require("failover.placement.place")

local M = {}

local MACHINES, STEPS = 14, 60000

---- equal devices ---------------------------------------------------------------------------------

local function has_box_rule(levels)
  for _, level in ipairs(levels) do
    for _, vm in ipairs(level.vms) do
      for _, request in ipairs(vm.requests) do
        if request.same_box or request.different_box then
          return true
        end
      end
    end
  end
  return false
end

-- Devices of one class, and one box where boxes matter: { class, box, devices, left }.
local function cells_of(state, boxes)
  local cells = {}
  for _, class in ipairs(state.groups.classes) do
    local by_box = {}
    for _, device in ipairs(class.devices) do
      if device.kind ~= "partitionable" and state.status[device] ~= "no"
        and not state.taken[device] then
        local key = boxes and device.box or ""
        local cell = by_box[key]
        if not cell then
          cell = { class = class, box = boxes and device.box or nil, devices = {}, left = 0 }
          by_box[key] = cell
          cells[class] = cells[class] or {}
          table.insert(cells[class], cell)
        end
        cell.devices[#cell.devices + 1] = device
        cell.left = cell.left + 1
      end
    end
  end
  return cells
end

---- the ways of one machine -----------------------------------------------------------------------

local function fitting_cells(self, criteria)
  local list = {}
  for _, class in ipairs(self.state.groups:classes_for(criteria)) do
    if criteria.id or not self.state.id_only[class] then
      for _, cell in ipairs(self.cells[class] or {}) do
        if cell.left > 0 then
          list[#list + 1] = cell
        end
      end
    end
  end
  return list
end

-- Takes so many of the cells, in every way, and calls fn for each.
local function each_cards(self, request, alternative, wanted, fn)
  local cells = fitting_cells(self, request.alternatives[alternative])
  local ruled = wanted > 1
    and (request.same_box and "same" or request.different_box and "different")
  local boxes, only = {}, nil -- those of what is taken so far
  local function from(i, missing)
    if missing == 0 then
      fn()
      return
    end
    local cell = cells[i]
    if not cell then
      return
    end
    local most = math.min(cell.left, missing)
    if ruled == "same" then
      most = cell.box and (not only or only == cell.box) and most or 0
    elseif ruled == "different" then
      most = cell.box and not boxes[cell.box] and math.min(most, 1) or 0
    end
    for n = most, 0, -1 do
      local before = only
      if n > 0 and ruled then
        boxes[cell.box], only = true, cell.box
      end
      cell.left = cell.left - n
      for _ = 1, n do
        self.picks[#self.picks + 1] = cell
      end
      from(i + 1, missing - n)
      for _ = 1, n do
        self.picks[#self.picks] = nil
      end
      cell.left = cell.left + n
      if n > 0 and ruled then
        boxes[cell.box], only = nil, before
      end
    end
  end
  from(1, wanted)
end

local function each_shares(self, at, request, alternative, wanted, fn)
  local criteria = request.alternatives[alternative]
  local vram = criteria.partition.vram or 0
  if wanted > 1 and (request.same_box or request.different_box) then
    return -- a GPU of a server is in no box
  end
  local function from(i, missing)
    if missing == 0 then
      fn()
      return
    end
    for j = i, #at.shares do
      local device = at.shares[j]
      local share = self.state.share[device]
      if share.left > 0 and share.free >= vram and not self.shared[device]
        and self.state.status[device] ~= "no" and self.state.groups:fits(criteria, device) then
        share.left, share.free, self.shared[device] = share.left - 1, share.free - vram, true
        self.picks[#self.picks + 1] = device
        from(j + 1, missing - 1)
        self.picks[#self.picks] = nil
        share.left, share.free, self.shared[device] = share.left + 1, share.free + vram, nil
      end
    end
  end
  from(1, wanted)
end

-- Every way to satisfy the requests of a machine on a place, from request `number` on.
local function each_way(self, vm, at, number, full, fn)
  if self.steps > STEPS then
    return
  end
  local request = vm.requests[number]
  if not request then
    fn(full)
    return
  end
  for alternative, criteria in ipairs(request.alternatives) do
    for wanted = request.count, request.min or request.count, -1 do
      local before = #self.picks
      local function go_on()
        self.steps = self.steps + 1
        local marked = {}
        for i = before + 1, #self.picks do
          marked[i] = { thing = self.picks[i], request = number, alternative = alternative }
          self.marks[i] = marked[i]
        end
        each_way(self, vm, at, number + 1, full and wanted == request.count, fn)
      end
      if criteria.partition then
        each_shares(self, at, request, alternative, wanted, go_on)
      elseif at.room >= wanted then
        at.room = at.room - wanted
        each_cards(self, request, alternative, wanted, go_on)
        at.room = at.room + wanted
      end
    end
  end
end

---- all machines ----------------------------------------------------------------------------------

-- Nodes that are alike for every machine of the question need to be tried once.
local function looks(self, at)
  return #at.shares == 0 and at.room .. "/" .. self.allowed[at] or nil
end

local function is_more(a, b)
  for i = 1, #a do
    if a[i] ~= b[i] then
      return a[i] > b[i]
    end
  end
  return false
end

local function hopeful(self, number)
  local most = self.hope
  for i = 1, #self.vector do
    most[i] = self.vector[i]
  end
  for i = number, #self.vms do
    local level = self.vms[i].level
    most[2 * level - 1], most[2 * level] = most[2 * level - 1] + 1, most[2 * level] + 1
  end
  return is_more(most, self.best)
end

local function remember(self)
  self.best = table.move(self.vector, 1, #self.vector, 1, {})
  self.plan = {}
  for vm, entry in pairs(self.given) do
    self.plan[vm] = entry
  end
end

local descend

local function with_machine(self, number, at)
  local vm, level = self.vms[number].vm, self.vms[number].level
  local outer_picks, outer_marks, outer_shared = self.picks, self.marks, self.shared
  self.picks, self.marks, self.shared = {}, {}, {}
  local picks, marks, shared = self.picks, self.marks, self.shared
  each_way(self, vm, at, 1, true, function(full)
    local entry = { place = at.name, picks = {} }
    for i = 1, #picks do
      entry.picks[i] = marks[i]
    end
    self.given[vm] = entry
    local v = self.vector
    v[2 * level - 1], v[2 * level] = v[2 * level - 1] + 1, v[2 * level] + (full and 1 or 0)
    descend(self, number + 1)
    v[2 * level - 1], v[2 * level] = v[2 * level - 1] - 1, v[2 * level] - (full and 1 or 0)
    self.given[vm] = nil
    self.picks, self.marks, self.shared = picks, marks, shared
  end)
  self.picks, self.marks, self.shared = outer_picks, outer_marks, outer_shared
end

function descend(self, number)
  self.steps = self.steps + 1
  if self.steps > STEPS or not hopeful(self, number) then
    return
  elseif number > #self.vms then
    remember(self)
    return
  end
  local tried = {}
  for _, at in ipairs((self.state:nodes_for(self.vms[number].vm))) do
    local look = looks(self, at)
    if not at.closed and not (look and tried[look]) then
      if look then
        tried[look] = true
      end
      with_machine(self, number, at)
    end
  end
  descend(self, number + 1)
end

local function names_of(at, vms, state)
  local words = {}
  for i, entry in ipairs(vms) do
    for _, other in ipairs((state:nodes_for(entry.vm))) do
      words[i] = other == at and "1" or words[i] or "0"
    end
  end
  return table.concat(words)
end

-- The best plan of all, or word that it is not known.
--   fresh: gives a state with the pinned machines and nothing else
--   vector: what is placed already; only more than that counts
--   stopped: machines that do not run any more
---@return { complete: boolean, why: string?, better: table?, vector: integer[]? }
function M.best(fresh, levels, vector, stopped)
  local vms = {}
  for number, level in ipairs(levels) do
    for _, vm in ipairs(level.vms) do
      if vm.running and level.tier == 0 and not (stopped and stopped[vm]) then
        return { complete = false, why = "running machines may lose devices to a higher priority" }
      end
      vms[#vms + 1] = { vm = vm, level = number }
    end
  end
  if #vms > MACHINES then
    return {
      complete = false,
      why = ("no bound proves it, and %d machines are too many to try every plan"):format(#vms),
    }
  end
  local state = fresh()
  local self = {
    state = state, vms = vms, steps = 0, best = vector, vector = {}, hope = {}, given = {},
    cells = cells_of(state, has_box_rule(levels)), allowed = {}, picks = {}, marks = {},
    shared = {},
  }
  for i = 1, #vector do
    self.vector[i] = 0
  end
  for _, at in ipairs(state.places) do
    self.allowed[at] = names_of(at, vms, state)
  end
  descend(self, 1)
  if self.steps > STEPS then
    return { complete = false, why = "there are too many plans to try every one" }
  end
  return { complete = true, better = self.plan, vector = self.plan and self.best }
end

---- into the plan ---------------------------------------------------------------------------------

-- A device of a cell for a machine: its own first, one that belongs to nobody next.
local function from_cell(cell, vm, used)
  local found
  for _, device in ipairs(cell.devices) do
    if not used[device] then
      if device.vm == vm.key then
        found = device
        break
      elseif not found or (found.vm and not device.vm) then
        found = device
      end
    end
  end
  used[found] = true
  return found
end

-- Fills a state with a plan that was found. Gives the codes of those that are left out.
function M.apply(state, levels, plan)
  local codes, used = {}, {}
  for _, level in ipairs(levels) do
    for _, vm in ipairs(level.vms) do
      local entry = plan[vm]
      if entry then
        local picks = {}
        for i, mark in ipairs(entry.picks) do
          picks[i] = {
            device = mark.thing.devices and from_cell(mark.thing, vm, used) or mark.thing,
            request = mark.request, alternative = mark.alternative,
          }
        end
        place.put(state, vm, picks, state.place[entry.place])
      else
        codes[vm] = "TAKEN"
      end
    end
  end
  return codes
end

return M
