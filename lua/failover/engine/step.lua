-- Steps and sequences as values: what an administrator writes down is checked here, at once,
-- with the line where it stands.
local M = {}

---@class Step
---@field name string the fact, as a sentence
---@field holds fun(c: Context): boolean?, string? looks; true, or false and why not. Nil and why it
--- cannot be told: a run waits as for false, monitor says "unknown"
---@field act fun(c: Context)? one attempt to make it true
---@field undo fun(c: Context)? takes back what act did
---@field quick fun(c: Context)? a faster, rougher act, when the grace is over
---@field grace number|fun(c: Context): number seconds that act has before quick is taken
---@field within number|fun(c: Context, left: number): number seconds that the fact gets after the
--- last thing that was done for it, and after faults that pass; `left`: what the run has for it
---@field lasts number|fun(c: Context, left: number): number seconds that one call of act may take
---@field least number seconds that must be left for this step by the steps before it
---@field retry { times: integer, backoff: number }? backoff: the first pause between two tries
--- after a fault that passes; times: without a meaning, these are tried while the run has time
---@field when fun(c: Context): boolean the step counts only where this is true
---@field optional boolean|"unknown" a failure is a warning; "unknown": only when it cannot be told
---@field commits boolean|fun(c: Context): boolean the point of no return: once this holds, neither
--- it nor what was made before is taken back
---@field ended fun(c: Context, failed: table?, took: number)? told once, when the step has ended
--- and it was seen how
---@field code string? of the failure when it is not reached in time (NOT_REACHED)
---@field remedy string|fun(c: Context): string? what people do when it is not reached in time
---@field keeps false|string|fun(c: Context): string? what of its act stays when a later step fails,
--- and why that does no harm; false: nothing worth a word

local known = {
  holds = "function", act = "function", undo = "function", quick = "function", grace = "time",
  within = "time", lasts = "time", least = "number", retry = "table", when = "function",
  optional = "optional", commits = "choice", code = "string",
  ended = "function", remedy = "words", keeps = "kept",
}

-- Kinds of fields that may be of several types.
local special = {
  time = {
    types = { number = true, ["function"] = true }, words = "a number of seconds or a function",
  },
  choice = { types = { boolean = true, ["function"] = true }, words = "a boolean or a function" },
  optional = { types = { boolean = true }, value = "unknown", words = 'a boolean or "unknown"' },
  words = { types = { string = true, ["function"] = true }, words = "text or a function" },
  kept = {
    types = { string = true, ["function"] = true }, value = false,
    words = "text, a function or false",
  },
}

local Step = { __name = "step" }
local Group = { __name = "group" }
local Sequence = { __name = "sequence" }

local function is(value, metatable)
  return getmetatable(value) == metatable
end

local function complain(level, ...)
  error(string.format(...), level + 1)
end

local function known_list()
  local names = {}
  for name in pairs(known) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ")
end

local function check_retry(name, retry)
  for key, value in pairs(retry) do
    if (key ~= "times" and key ~= "backoff") or type(value) ~= "number" then
      complain(4, 'step "%s": retry is { times = 3, backoff = 1 }, not %s = %s', name,
        tostring(key), tostring(value))
    end
  end
end

local function define(name, fields)
  if type(fields) ~= "table" then
    complain(3, 'step "%s" needs a table of fields after its name', name)
  end
  for key, value in pairs(fields) do
    local wanted = known[key]
    if not wanted then
      complain(3, 'step "%s" has no field "%s"; the fields are: %s', name, tostring(key),
        known_list())
    end
    local kind = special[wanted]
    local fits = type(value) == wanted
    if kind then
      fits = kind.types[type(value)] or kind.value ~= nil and value == kind.value
    end
    if not fits then
      local words = kind and kind.words or "a " .. wanted
      complain(3, 'step "%s": %s must be %s, not %s', name, key, words, type(value))
    end
  end
  if not fields.holds then
    complain(3, 'step "%s" needs holds: how else would a success be seen?', name)
  end
  if fields.quick and not fields.act then
    complain(3, 'step "%s": quick is for steps that have act', name)
  end
  if fields.retry then
    check_retry(name, fields.retry)
  end
  local info = debug.getinfo(3, "Sl")
  local step = { name = name, where = info.short_src .. ":" .. info.currentline }
  for key, value in pairs(fields) do
    step[key] = value
  end
  return setmetatable(step, Step)
end

-- step "fact" { holds = ..., act = ..., ... }
function M.step(name)
  if type(name) ~= "string" or name == "" then
    complain(2, "a step needs a name: step \"VM registered on this node\" { ... }")
  end
  return function(fields)
    local step = define(name, fields) -- no tail call: the levels of the messages count frames
    return step
  end
end

-- A step like `base` with some fields changed: failover.with(vm.backed_up, { optional = true }).
function M.with(base, changes)
  if not is(base, Step) then
    complain(2, "with changes a step, not %s", type(base))
  end
  local fields = {}
  for key in pairs(known) do
    fields[key] = base[key]
  end
  for key, value in pairs(changes) do
    fields[key] = value
  end
  local step = define(base.name, fields)
  return step
end

-- A list of steps and groups; holes (a misspelt step is nil) are found by counting.
local function check_list(list, what, level)
  if type(list) ~= "table" then
    complain(level, "%s needs a table of steps", what)
  end
  local highest = 0
  for key in pairs(list) do
    if math.type(key) ~= "integer" then
      complain(level, '%s: "%s" is not a step; a %s is a plain list', what, tostring(key),
        what:match("^%a+"))
    end
    highest = math.max(highest, key)
  end
  if highest == 0 then
    complain(level, "%s is empty", what)
  end
  for i = 1, highest do
    if not is(list[i], Step) and not is(list[i], Group) then
      complain(level, "%s: entry %d is %s, not a step (is its name spelt right?)", what, i,
        type(list[i]))
    end
  end
end

-- failover.together { { a, b }, { c, d } }: branches advance side by side.
function M.together(branches)
  if type(branches) ~= "table" or #branches < 1 then
    complain(2, "together needs a list of branches, each a list of steps")
  end
  for i, branch in ipairs(branches) do
    check_list(branch, "branch " .. i, 3)
  end
  return setmetatable({ branches = branches }, Group)
end

-- failover.sequence "name" { steps and groups }
function M.sequence(name)
  if type(name) ~= "string" or name == "" then
    complain(2, 'a sequence needs a name: failover.sequence "start" { ... }')
  end
  return function(list)
    check_list(list, 'sequence "' .. name .. '"', 3)
    return setmetatable({ name = name, list = list }, Sequence)
  end
end

function M.is_step(value)
  return is(value, Step)
end

function M.is_group(value)
  return is(value, Group)
end

function M.is_sequence(value)
  return is(value, Sequence)
end

-- Calls fn(step, branch) for every step in written order.
function M.each(list, fn, branch)
  for _, item in ipairs(list) do
    if is(item, Step) then
      fn(item, branch)
    else
      for i, inner in ipairs(item.branches) do
        M.each(inner, fn, (branch and branch .. "." or "") .. i)
      end
    end
  end
end

-- Joins tables of steps into one in which a misspelt name is an error with the script's line.
function M.collect(name, ...)
  local steps = {}
  for _, part in ipairs({ ... }) do
    for key, value in pairs(part) do
      steps[key] = value
    end
  end
  return setmetatable(steps, {
    __index = function(_, key)
      error(string.format('there is no step "%s.%s"', name, tostring(key)), 2)
    end,
  })
end

return M
