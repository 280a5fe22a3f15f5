-- Faults to order: rules that say which call to the outside goes wrong, and how.
--
-- Faces ask `take` before each call. What concerns the transport (a dropped connection, garbage)
-- they do themselves; what concerns the truth (a lie, a job that fails) is kept here as `pending`
-- for the operation that follows.
local errors = require("lab.world.errors")

local M = {}
M.__index = M

local BY_FACE = {
  ["drop"] = true,
  ["drop after"] = true,
  ["delay"] = true,
  ["delay after"] = true,
  ["error"] = true,
  ["error after"] = true,
  ["garbage"] = true,
  ["html"] = true,
  ["huge"] = true,
  ["truncate"] = true,
  ["unreachable"] = true,
  ["silence"] = true,
  ["empty"] = true,
  ["short"] = true,
}
local BY_WORLD = {
  ["lie"] = true,
  ["job fails"] = true,
  ["job hangs"] = true,
  ["job vanishes"] = true,
  ["job warns"] = true,
  ["return"] = true,
}
-- Effects that some calls only can have.
local LISTS = { empty = true, short = true }
local LOOKS = { Enumerate = true, Get = true, GET = true }
local MATCHED = { "verb", "method", "path", "class", "namespace", "query" }

-- Of a target that is down: nobody answers, or its computer says that nobody is there.
local UNREACHABLE = {
  silent = { effect = "silence", id = 0 }, refused = { effect = "unreachable", id = 0 },
}

function M.new(world)
  return setmetatable({ world = world, rules = {}, last_id = 0, counters = {} }, M)
end

local function text_matches(wanted, value)
  if value == nil then
    return false
  end
  wanted, value = tostring(wanted), tostring(value)
  if wanted:sub(1, 1) == "~" then
    return value:find(wanted:sub(2)) ~= nil
  end
  return wanted:lower() == value:lower()
end

local function check(rule)
  local function refuse(...)
    errors.http(400, "40000", ...)
  end
  local effect = type(rule) == "table" and rule.effect
  if not (BY_FACE[effect] or BY_WORLD[effect]) then
    refuse("there is no effect '%s'", tostring(effect))
  end
  for field in next, rule.match or {} do
    local known = field == "nth"
    for _, name in ipairs(MATCHED) do
      known = known or name == field
    end
    if not known then
      refuse("a rule cannot match on '%s'", tostring(field))
    end
  end
  local rows = rule.rows
  if effect == "short" and not (type(rows) == "table" or math.type(rows) == "integer"
    or rows == "all") then
    refuse("'short' leaves out rows = { names }, a number of them, or \"all\" but the host's own")
  elseif effect == "return" and math.type(rule.value) ~= "integer" then
    refuse("'return' needs the value that the method returns")
  end
end

---@param rule { target: string, match: table?, effect: string, times: integer?, seconds: number? }
---@return integer id
function M:add(rule)
  check(rule)
  self.last_id = self.last_id + 1
  local kept = { id = self.last_id, seen = 0, left = rule.times }
  for name, value in next, rule do
    kept[name] = value
  end
  kept.match = rule.match or {}
  kept.target = rule.target or "*"
  kept.ends = rule.lasts and self.world.clock.time + rule.lasts
  if kept.match.nth and not kept.left then
    kept.left = 1
  end
  self.rules[#self.rules + 1] = kept
  return kept.id
end

function M:list()
  return self.rules
end

function M:remove(id)
  for i, rule in ipairs(self.rules) do
    if rule.id == id then
      table.remove(self.rules, i)
      return true
    end
  end
  return false
end

function M:clear()
  self.rules = {}
  self.pending = nil
end

-- Whether an effect can be had by this call: rows are missing in answers of looks, and a method is
-- what returns something.
local function can(rule, call)
  if LISTS[rule.effect] then
    return LOOKS[call.verb] and not call.method
  end
  return rule.effect ~= "return" or call.method ~= nil
end

local function matches(rule, target, call)
  if rule.left == 0 or (rule.target ~= "*" and rule.target ~= target) or not can(rule, call) then
    return false
  end
  local match = rule.match
  for i = 1, #MATCHED do
    local wanted = match[MATCHED[i]]
    if wanted ~= nil and not text_matches(wanted, call[MATCHED[i]]) then
      return false
    end
  end
  rule.seen = rule.seen + 1
  return not match.nth or rule.seen == match.nth
end

-- The rule for whatever is asked of a target that is down.
function M:of_dead(target)
  return UNREACHABLE[target == "eem" and "refused" or self.world.switches.dead_nodes]
end

-- The rule that applies to this call, or nil. Counts the call.
---@param target string "eem" or a node's name
---@param call table<string, string?> verb, path, class, method, namespace, query
---@return table?
function M:take(target, call)
  self.pending = nil
  local counters = self.counters[target]
  if not counters then
    counters = { calls = 0 }
    self.counters[target] = counters
  end
  counters.calls = counters.calls + 1
  local word = call.method or call.verb
  if word then
    counters[word] = (counters[word] or 0) + 1
  end
  if not self.world:reachable(target) then
    return self:of_dead(target)
  end
  local rules = self.rules
  for i = 1, #rules do
    local rule = rules[i]
    if matches(rule, target, call) and not (rule.ends and rule.ends <= self.world.clock.time) then
      if rule.left then
        rule.left = rule.left - 1
      end
      if BY_WORLD[rule.effect] then
        self.pending = rule
        return nil
      end
      return rule
    end
  end
  return nil
end

-- For the world: true when the operation under way must succeed in words only.
function M:lies()
  if self.lie_next then
    self.lie_next = nil
    return true
  end
  local rule = self.pending
  if rule and rule.effect == "lie" then
    self.pending = nil
    return true
  end
  return false
end

-- For faces, of a method: the value that it returns instead of doing anything, or nil.
function M:returns()
  local rule = self.pending
  if rule and rule.effect == "return" then
    self.pending = nil
    return rule.value
  end
  return nil
end

-- Whether a rule is (still) in force.
function M:has(rule)
  for _, other in ipairs(self.rules) do
    if other == rule then
      return not (rule.ends and rule.ends <= self.world.clock.time)
    end
  end
  return false
end

-- Whether a rule is for calls of this class, too.
function M.concerns(rule, class)
  local wanted = rule.match.class
  return wanted == nil or text_matches(wanted, class)
end

-- For the world: the rule for the job that is being started, or nil.
function M:for_job()
  local rule = self.pending
  if rule and rule.effect ~= "lie" then
    self.pending = nil
    return rule
  end
  return nil
end

return M
