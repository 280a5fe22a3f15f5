-- All contact with the world goes through here: a handle of a native is wrapped so that every
-- call is known
-- (look or change), checked, timed and told to the run's journal. Nothing is changed while a
-- step is only looking.
local scheduler = require("core.scheduler")
local failure = require("failure")
local loop = require("loop")

local M = {}

-- An answer counts as the same look for so many seconds, when nothing was changed by this run
-- since: for the steps that follow one another at once. After a pause a fact is looked at anew
-- (forget), however short the pause was.
local SAME_LOOK = 0.25

-- What an act may take from the look that came just before it. Nothing by which a device is given
-- or taken away: that is always asked again.
local before_act = { find_vm = true }

-- Nothing that was answered so far counts any more.
---@param observer Observer
function M.forget(observer)
  observer.answers = {}
end

local function set(kind, names, into)
  for name in names:gmatch("%S+") do
    into[name] = kind
  end
  return into
end

-- What a script may call on each native. A verb that is not listed does not exist for steps.
M.verbs = {
  eem = set("look", "version devices device find_device", set("change", "connect disconnect audit",
    {})),
  hyperv = set("look", [[host vms planned_vms workers vm find_vm settings definition disks adapters
    validate assignable_devices assigned assignments partitionable_gpus partitions heartbeat
    guest_items jobs]],
    set("change",
      [[import configure relink_disk disconnect_adapter realize discard unregister export start
    shutdown turn_off clear_saved_state dismount mount assign unassign add_partition
    remove_partition]], {})),
  pnp = set("look", "devices", set("change", "disable enable rescan", {})),
  cluster = set("look", "peer", set("change", "stop_group", {})),
  files = set("look", "list find find_directory", set("change", [[copy_directory rename_directory
    delete_directory copy rename delete]], {})),
}

-- What to write down of an argument: short and plain.
local function brief(value)
  if type(value) ~= "table" then
    return value
  end
  return value.id or value.location or value
end

-- The arguments of a call as they are written down: as many as there are, nil for none.
local function request_of(first, second, third)
  if third ~= nil then
    return { brief(first) or false, brief(second) or false, brief(third) }
  elseif second ~= nil then
    return { brief(first) or false, brief(second) }
  elseif first ~= nil then
    return { brief(first) }
  end
end
M.request_of = request_of

---@class Observer
---@field call fun(self, record: table) told after every call; record as Journal:call takes it
---@field changes integer
---@field answers table what was answered since the last change, by question
---@field recording boolean? answers and what a replay needs are told, too
---@field only_changes boolean? looks are not told: the journal keeps none
---@field fresh (fun(fresh: boolean): boolean)? decides whether an answer counts as the same look

local function must_not_change(native, verb)
  failure.raise({
    code = "SCRIPT_ERROR",
    message = string.format("holds may only look, but %s:%s changes the world", native, verb),
    hint = "move the call to act",
  })
end

-- The question that a look asks, when a simple argument says all of it.
local function question(self, verb, argument, more)
  local kind = type(argument)
  if more == nil and (kind == "string" or kind == "number" or kind == "nil") then
    return self.prefix .. verb .. "\0" .. (argument or "")
  end
end

local function new_trail()
  return { hits = 0, woke = {} }
end

-- The running task is a branch of a run. While recording it keeps a trail: how many of its looks
-- were answered without a call, and when its sleeps ended (time and round of the loop, in turn; the
-- round of one that was cancelled is 0). The next call takes it along.
function M.begin_branch(task, branch, recording)
  task.branch = branch
  task.trail = recording and new_trail() or nil
end

-- What a replay needs of a call besides request and answer, nil where that is nothing.
local function extra_of(task, trail, began_in, more)
  local ended_in = scheduler.turn()
  local extra = {
    turn = ended_in ~= began_in and ended_in or nil, more = more,
    hits = trail.hits > 0 and trail.hits or nil, woke = #trail.woke > 0 and trail.woke or nil,
  }
  if task.trail == trail then
    task.trail = new_trail()
  end
  return next(extra) and extra
end

-- A failure says which node it is about. One that ends a task says nothing of a node.
local function about(where, failed)
  if where and failure.is(failed) and failed.code ~= "CANCELLED" and not failed.node then
    failed.node = where
  end
  return failed
end

-- Makes a call and tells it to the run's journal. Raises what the call raises.
local function tell(self, native, verb, kind, first, second, third)
  local task, observer, handle = scheduler.current(), self.observer, self.handle
  local change, trail = kind == "change", task and task.trail
  local began, began_in = scheduler.now(), trail and scheduler.turn()
  -- a change that is under way is finished also when the run is to stop: then undo knows it
  local guard = change and scheduler.shielded or loop.guard
  local ok, result, more = guard(handle[verb], handle, first, second, third)
  local changed, answer
  if not ok then
    result = about(self.node, result)
  end
  if change then
    changed = ok and result ~= false or not ok and (result.maybe_executed or false)
    if changed then
      observer.changes = observer.changes + 1
      if task then
        task.changes = (task.changes or 0) + 1
      end
    end
    observer.answers = {}
  end
  if ok and (change or trail) then
    answer = result
  end
  observer:call({
    native = native, verb = verb, kind = kind, target = self.target,
    step = task and task.step, branch = task and task.branch,
    request = request_of(first, second, third),
    answer = answer, failure = not ok and result or nil,
    began = began, took = scheduler.now() - began, changed = changed or nil,
    extra = trail and extra_of(task, trail, began_in, ok and more or nil) or nil,
  })
  if not ok then
    error(result, 0)
  end
  return result, more
end

-- Whether an answer of before counts as the same look.
local function is_fresh(observer, seen, task)
  local fresh = scheduler.now() - seen.time < SAME_LOOK
  if observer.fresh then
    fresh = observer.fresh(fresh)
  end
  if fresh and task.trail then
    task.trail.hits = task.trail.hits + 1
  end
  return fresh
end

-- One verb of a native, for all handles of it. No verb takes more than three arguments or gives
-- more than two results.
local function look(native, verb)
  return function(self, first, second, third)
    scheduler.check()
    local task, observer = scheduler.current(), self.observer
    local may = task and (task.looking or task.acting and before_act[verb])
    local key = may and question(self, verb, first, second)
    local answers = observer.answers
    local seen = key and answers[key]
    if seen and is_fresh(observer, seen, task) then
      return seen[1], seen[2]
    end
    local began = key and scheduler.now()
    local result, more
    if observer.only_changes then
      local handle = self.handle
      local ok
      ok, result, more = loop.guard(handle[verb], handle, first, second, third)
      if not ok then
        error(about(self.node, result), 0)
      end
    else
      result, more = tell(self, native, verb, "look", first, second, third)
    end
    if key and observer.answers == answers then -- nothing was changed meanwhile
      answers[key] = { result, more, time = began }
    end
    return result, more
  end
end

local function change(native, verb)
  return function(self, first, second, third)
    scheduler.check()
    local task = scheduler.current()
    if task and task.looking then
      must_not_change(native, verb)
    end
    self.observer.answers = {}
    return tell(self, native, verb, "change", first, second, third)
  end
end

local classes = {}
for native, verbs in pairs(M.verbs) do
  local methods = {}
  for verb, kind in pairs(verbs) do
    methods[verb] = (kind == "change" and change or look)(native, verb)
  end
  classes[native] = {
    __index = setmetatable(methods, {
      __index = function(_, name)
        error(string.format("%s has no verb %q", native, tostring(name)), 2)
      end,
    }),
  }
end

-- Opens a handle with fn; that it cannot be opened is told as a call is.
function M.open(native, where, observer, fn)
  local task, began = scheduler.current(), scheduler.now()
  local trail, began_in = task and task.trail, scheduler.turn()
  local ok, result = loop.guard(fn)
  if ok then
    return M.watch(native, result, where, observer)
  end
  about(where, result)
  observer:call({
    native = native, verb = "open", kind = "look", target = where or native,
    step = task and task.step, branch = task and task.branch, failure = result,
    began = began, took = scheduler.now() - began,
    extra = trail and extra_of(task, trail, began_in) or nil,
  })
  error(result, 0)
end

-- Wraps `handle`. `where` is the node's name for host natives, nil for EEM.
function M.watch(native, handle, where, observer)
  return setmetatable({
    handle = handle, target = where or native, node = where or false, observer = observer,
    prefix = native .. "\0" .. (where or "") .. "\0",
  }, classes[native])
end

return M
