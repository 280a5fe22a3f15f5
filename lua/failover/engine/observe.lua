-- All contact with the world goes through here: a handle of a native is wrapped so that every
-- call is known
-- (look or change), checked, timed and told to the run's journal. Nothing is changed while a
-- step is only looking.
local scheduler = require("host.scheduler")
local failure = require("failure")
local loop = require("loop")

local M = {}

-- An answer counts as the same look for so many seconds, when nothing was changed by this run since. Shorter than the
-- shortest pause between two looks at one fact.
local SAME_LOOK = 0.015

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
  hyperv = set("look", [[host vms planned_vms vm find_vm settings definition disks adapters validate
    assignable_devices assigned heartbeat guest_items]],
    set("change",
      [[import configure relink_disk disconnect_adapter realize discard unregister export start
    shutdown turn_off clear_saved_state dismount mount assign unassign]], {})),
  pnp = set("look", "devices", set("change", "disable enable rescan", {})),
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

---@class Observer
---@field call fun(self, record: table) told after every call; record as Journal:call takes it
---@field changes integer
---@field answers table what was answered since the last change, by question

-- Wraps `handle`. `where` is the node's name for host natives, nil for EEM.
function M.watch(native, handle, where, observer)
  local verbs = M.verbs[native]
  local prefix = native .. "\0" .. (where or "") .. "\0"
  local proxy = {}
  for verb, kind in pairs(verbs) do
    proxy[verb] = function(_, ...)
      scheduler.check()
      local task = scheduler.current()
      local looking = task and task.looking
      if kind == "change" and looking then
        failure.raise({
          code = "SCRIPT_ERROR",
          message = string.format("holds may only look, but %s:%s changes the world", native, verb),
          hint = "move the call to act",
        })
      end
      if kind == "change" then
        observer.answers = {}
      end
      local answers = observer.answers
      local key
      if looking then
        local argument = ...
        if select("#", ...) <= 1 and type(argument) ~= "table" then
          key = prefix .. verb .. "\0" .. tostring(argument)
          local seen = answers[key]
          if seen and scheduler.now() - seen.time < SAME_LOOK then
            return table.unpack(seen, 1, seen.n)
          end
        end
      end
      local began = scheduler.now()
      local results = table.pack(loop.guard(handle[verb], handle, ...))
      local ok = results[1]
      local changed = kind == "change" and (not ok and (results[2].maybe_executed or false)
        or ok and results[2] ~= false)
      if changed then
        observer.changes = observer.changes + 1
      end
      observer:call({
        native = native, verb = verb, kind = kind, target = where or native,
        request = { brief((...)), brief((select(2, ...))) },
        answer = ok and (kind == "change" and results[2]) or nil,
        failure = not ok and results[2] or nil,
        began = began, took = scheduler.now() - began, changed = changed or nil,
      })
      if not ok then
        error(results[2], 0)
      end
      if kind == "change" then
        observer.answers = {}
      elseif key and observer.answers == answers then -- nothing was changed meanwhile
        local seen = table.pack(table.unpack(results, 2, results.n))
        seen.time = began
        answers[key] = seen
      end
      return table.unpack(results, 2, results.n)
    end
  end
  return setmetatable(proxy, {
    __index = function(_, name)
      error(string.format("%s has no verb %q", native, tostring(name)), 2)
    end,
  })
end

return M
