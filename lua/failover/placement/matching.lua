-- Matching of single wishes (units) to classes of equal devices. A class has a number of devices
-- left; a unit that finds none pushes others on to classes that suit them as well: an augmenting
-- path. Sets of units that can be matched together are a transversal matroid, therefore taking them
-- in the order of priority and never giving one up again is optimal (Edmonds 1971); whoever uses
-- this for more than single units may not claim that.
--
-- Units of the same kind accept the same classes. Paths are searched over classes and kinds, not
-- over single devices, which is what makes a thousand by a thousand quick.
local M = {}

---@class Matching
local Matching = {}
Matching.__index = Matching

---@param trail Trail
---@param left table<table, integer> devices that each class has to give
---@return Matching
function M.new(trail, left)
  return setmetatable({
    trail = trail, left = left, units = {}, lost = {}, epoch = 1, epochs = 1,
  }, Matching)
end

local function held(self, class)
  local units = self.units[class]
  if not units then
    units = { kinds = {} }
    self.units[class] = units
  end
  return units
end

local function put(self, unit, class)
  local set, trail = held(self, class), self.trail
  local list = set[unit.kind]
  if not list then
    -- Kinds that are empty stay: they cost a look, and need not be taken back.
    list = { n = 0 }
    set[unit.kind] = list
    set.kinds[#set.kinds + 1] = unit.kind
  end
  trail:set(list, list.n + 1, unit)
  trail:set(list, "n", list.n + 1)
  trail:set(unit, "class", class)
  trail:set(unit, "position", list.n)
end

local function take(self, unit)
  local list, trail = self.units[unit.class][unit.kind], self.trail
  local last = list[list.n]
  trail:set(list, unit.position, last)
  trail:set(last, "position", unit.position)
  trail:set(list, list.n, nil)
  trail:set(list, "n", list.n - 1)
  trail:set(unit, "class", nil)
end

-- Searches a class with a device left, over units that can go elsewhere. A class from which none
-- was found is not searched again until something is given back.
---@return table? class
---@return table came by class: { class that leads to it, kind of the unit that moves }
local function search(self, starts)
  local came, queue, first = {}, {}, 1
  local reached = {} -- kinds whose classes have all come already
  local left, lost, epoch = self.left, self.lost, self.epoch
  for _, class in ipairs(starts) do
    if lost[class] ~= epoch and not came[class] then
      came[class] = {}
      if left[class] > 0 then
        return class, came
      end
      queue[#queue + 1] = class
    end
  end
  while queue[first] do
    local class = queue[first]
    first = first + 1
    local set = self.units[class]
    for _, kind in ipairs(set and set.kinds or {}) do
      if set[kind].n > 0 and not reached[kind] then
        reached[kind] = true
        for _, other in ipairs(kind.classes) do
          if not came[other] and lost[other] ~= epoch then
            came[other] = { class, kind }
            if left[other] > 0 then
              return other, came
            end
            queue[#queue + 1] = other
          end
        end
      end
    end
  end
  -- What is found out where an attempt begins stays true when it is taken back.
  local lasting = self.trail:mark() == self.base
  for _, class in ipairs(queue) do
    if lasting then
      lost[class] = epoch
    else
      self.trail:set(lost, class, epoch)
    end
  end
  return nil, came
end

-- Makes room in one of the classes: moves units along a path. Gives the class that has room now.
local function make_room(self, starts)
  local class, came = search(self, starts)
  if not class then
    return nil
  end
  while came[class][1] do
    local from, kind = came[class][1], came[class][2]
    local list = self.units[from][kind]
    local unit = list[list.n]
    take(self, unit)
    put(self, unit, class)
    self.trail:set(self.left, class, self.left[class] - 1)
    self.trail:set(self.left, from, self.left[from] + 1)
    class = from
  end
  return class
end

-- A unit { kind = { classes } } gets a device, of the first class that has one, else by a path.
---@return boolean
function Matching:place(unit, first)
  local class
  if first and make_room(self, { first }) then
    class = first
  end
  for _, candidate in ipairs(not class and unit.kind.classes or {}) do
    if self.left[candidate] > 0 then
      class = candidate
      break
    end
  end
  class = class or make_room(self, unit.kind.classes)
  if not class then
    return false
  end
  put(self, unit, class)
  self.trail:set(self.left, class, self.left[class] - 1)
  return true
end

-- May a device of the class be had? False where that is known to be vain.
---@return boolean
function Matching:has(class)
  return self.left[class] > 0 or (self.units[class] ~= nil and self.lost[class] ~= self.epoch)
end

function Matching:remove(unit)
  local class = unit.class
  take(self, unit)
  self:give(class)
end

-- Takes one device of a class for good, moving units away from it where that is needed.
---@return boolean
function Matching:reserve(class)
  if self.left[class] <= 0 and not make_room(self, { class }) then
    return false
  end
  self.trail:set(self.left, class, self.left[class] - 1)
  return true
end

-- A class has one device more.
function Matching:give(class)
  self.trail:set(self.left, class, self.left[class] + 1)
  self.epochs = self.epochs + 1 -- never the number of an earlier time
  self.trail:set(self, "epoch", self.epochs)
end

-- To be called when changes were taken back that gave devices away: what was in vain then may not
-- be in vain now.
function Matching:forget()
  self.epochs = self.epochs + 1
  self.epoch = self.epochs
end

-- An attempt begins at this mark of the trail, to which it is taken back if it fails.
function Matching:begin(mark)
  self.base = mark
end

return M
