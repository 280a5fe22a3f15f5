-- Devices that have failed lately, and are therefore not offered for a while.
--
-- A device that failed to link, to appear, to show its identity, to be dismounted or assigned, or
-- to work in its guest would most likely do so again at once; where another one fits, that one is
-- taken. The memory fades: each failure in a row doubles the time, and a device that came into
-- service is forgotten. It is a node's own memory, and never a reason not to start: what cannot be
-- read or written is a warning.
--
-- An entry: { id, since, until, count, reason, node }, times in seconds since 1970. A store keeps
-- them as text: { read() -> text or nil, change(fn(text or nil) -> text) }.
local loop = require("loop")
local scheduler = require("core.scheduler")

local M = {}

local FILE, LOCK, SIZE_MAX = "quarantine.json", "quarantine.lock", "1MiB"
local LOCK_WITHIN = 2 -- seconds; others hold it for the time of one small file
local SEEN_LATELY = 5 -- seconds: a trouble seen longer ago is no longer known
local settings_when_absent = { first = 600, most = 86400 }

---- stores ----------------------------------------------------------------------------------------

-- For the simulated cluster and for replays.
function M.in_memory(kept)
  return {
    read = function()
      return kept
    end,
    change = function(fn)
      kept = fn(kept)
    end,
  }
end

local function read_file(path)
  local fs = require("fs")
  return fs.find(path) and fs.read(path, { max = SIZE_MAX }) or nil
end

-- In the state directory of a node. Raises FS_FAILED; BUSY when another process keeps the lock.
function M.in_directory(directory)
  local fs = require("fs")
  local path = directory .. "/" .. FILE
  return {
    read = function()
      return read_file(path)
    end,
    change = function(fn)
      if not fs.find(directory) then
        fs.private_directory(directory)
      end
      local deadline = scheduler.now() + LOCK_WITHIN
      local lock, holder = fs.lock(directory .. "/" .. LOCK, "takeover, process " .. loop.pid())
      while not lock do
        if scheduler.now() >= deadline then
          require("failure").raise({
            code = "BUSY", target = path,
            message = path .. " is locked by " .. (holder or "nobody knows whom"),
          })
        end
        scheduler.sleep(0.05)
        lock, holder = fs.lock(directory .. "/" .. LOCK, "takeover, process " .. loop.pid())
      end
      local ok, failed = loop.guard(function()
        fs.write(path, fn(read_file(path)), { mode = "0600" })
      end)
      lock:release()
      if not ok then
        error(failed, 0)
      end
    end,
  }
end

---- text ------------------------------------------------------------------------------------------

local function is_entry(value)
  return type(value) == "table" and type(value.id) == "string" and type(value.reason) == "string"
    and type(value.node) == "string" and math.type(value.since) == "integer"
    and math.type(value["until"]) == "integer" and math.type(value.count) == "integer"
    and value.count >= 1
end

-- Entries by id, or nil and what is wrong with the text.
local function parse(text)
  if not text then
    return {}
  end
  local ok, list = loop.guard(require("json").decode, text)
  if not ok then
    return nil, list.message
  elseif type(list) ~= "table" then
    return nil, "it is not a list"
  end
  local entries = {}
  for _, value in pairs(list) do
    if not is_entry(value) then
      return nil, "an entry is not as it was written"
    end
    entries[value.id] = value
  end
  return entries
end

local function sorted(entries)
  local list = {}
  for _, entry in pairs(entries) do
    list[#list + 1] = entry
  end
  table.sort(list, function(a, b)
    return a.id < b.id
  end)
  return list
end

local function written(entries)
  local json = require("json")
  return json.encode(json.array(sorted(entries)), { pretty = true }) .. "\n"
end

local function times(entry)
  return entry.count == 1 and "once" or entry.count .. " times"
end

-- When and why, for people. The time is UTC, so that it reads the same on every node.
function M.describe(entry)
  return string.format("in quarantine until %s UTC, failed %s on %s: %s",
    os.date("!%Y-%m-%d %H:%M:%S", entry["until"]),
    times(entry), entry.node, entry.reason)
end

-- What a failure has led to, for people. Without the time of day, so that a replay says the same.
function M.announce(entry)
  return string.format("%s is in quarantine for %d s, failed %s on %s: %s", entry.id,
    entry["until"] - entry.since, times(entry), entry.node, entry.reason)
end

---- what a run knows ------------------------------------------------------------------------------

---@class Quarantine
local Quarantine = {}
Quarantine.__index = Quarantine

-- options: store, settings (quarantine in parameters.lua), wall (function: seconds since 1970),
-- warn(text), node
---@return Quarantine
function M.open(options)
  return setmetatable({
    store = options.store or M.in_memory(), settings = options.settings or settings_when_absent,
    wall = options.wall or loop.wall, warn = options.warn, node = options.node,
    suspects = {}, sound = {},
  }, Quarantine)
end

local function complain(self, text)
  if not self.warned then
    self.warned = true
    self.warn("the quarantine of devices: " .. text)
  end
end

-- An end further away than the longest time was written by a clock that was wrong.
local function is_active(self, entry, now)
  return now < entry["until"] and entry["until"] - now <= self.settings.most
end

-- The devices that are not to be offered now, by id.
---@return table<string, table>
function Quarantine:active()
  if self.settings.first == 0 then
    return {}
  end
  local ok, text = loop.guard(self.store.read)
  local entries, why
  if ok then
    entries, why = parse(text)
  else
    why = tostring(text)
  end
  if not entries then
    complain(self, why .. "; no device counts as quarantined")
    return {}
  end
  local active, now = {}, self.wall()
  for id, entry in pairs(entries) do
    active[id] = is_active(self, entry, now) and entry or nil
  end
  return active
end

-- How often each device failed in a row lately, whether it is offered again or not. Those that came
-- into service since are not among them.
---@return table<string, integer>
function Quarantine:failures()
  local counts, now = {}, self.wall()
  if self.settings.first > 0 then
    local ok, text = loop.guard(self.store.read)
    for id, entry in pairs(ok and parse(text) or {}) do
      counts[id] = now - entry["until"] <= self.settings.most and entry.count or nil
    end
  end
  return counts
end

-- All that is remembered now, and the time of day: for a replay of this run.
function Quarantine:snapshot()
  local ok, text = loop.guard(self.store.read)
  local entries = ok and parse(text) or {}
  return { wall = self.wall(), text = next(entries) and written(entries) or nil }
end

-- The devices that are not to be offered now, as a list sorted by id.
function Quarantine:list()
  return sorted(self:active())
end

-- A device failed; it enters at the end of the run.
function Quarantine:suspect(id, reason)
  self.suspects[id] = reason
end

-- A device is in service; it is forgotten at the end of the run.
function Quarantine:cleared(id)
  self.sound[id] = true
end

-- How often a device failed counts until a longest time after its quarantine.
local function forget_old(entries, now, most)
  for id, entry in pairs(entries) do
    if now - entry["until"] > most then
      entries[id] = nil
    end
  end
end

local function enter(self, entries, id, reason, now)
  local before = entries[id]
  local count = (before and before.count or 0) + 1
  local seconds = math.min(self.settings.first * 2.0 ^ (count - 1), self.settings.most)
  entries[id] = {
    id = id, since = now, ["until"] = now + math.ceil(seconds), count = count, reason = reason,
    node = self.node,
  }
  return entries[id]
end

-- A run that changes nothing here does not write: the file is not touched by every good start.
local function anything_to_do(self)
  if next(self.suspects) then
    return true
  elseif not next(self.sound) then
    return false
  end
  local entries = parse(self.store.read())
  for id in pairs(self.sound) do
    if not entries or entries[id] then
      return true
    end
  end
  return false
end

local function write(self)
  local made = {}
  if not anything_to_do(self) then
    return made
  end
  self.store.change(function(text)
    local entries, why = parse(text)
    if not entries then
      complain(self, why .. "; it is begun anew")
      entries = {}
    end
    local now = math.floor(self.wall())
    forget_old(entries, now, self.settings.most)
    for id, reason in pairs(self.suspects) do
      made[#made + 1] = enter(self, entries, id, reason, now)
    end
    for id in pairs(self.sound) do
      entries[id] = nil
    end
    return written(entries)
  end)
  return sorted(made)
end

-- Writes what this run has learned. Gives the entries that it made; never raises.
function Quarantine:settle()
  local made = {}
  if self.settings.first > 0 then
    local ok, result = scheduler.shielded(write, self)
    if ok then
      made = result
    else
      complain(self, "what this run has learned cannot be kept: " .. tostring(result))
    end
  end
  self.suspects, self.sound = {}, {}
  return made
end

---- what steps see --------------------------------------------------------------------------------

-- Notes what an answered look said of a device: is it itself what is waited for?
function M.seen(gpu, troubled)
  local now = scheduler.now()
  if not troubled then
    gpu.trouble = nil
  else
    gpu.trouble = { since = gpu.trouble and gpu.trouble.since or now, at = now }
  end
end

-- For the end of a step that waits: suspects the devices that were in trouble until the end and for
-- most of the step's time. A service that did not answer, or a run that was over, proves nothing.
function M.suspect_troubled(c, failed, took)
  if not failed or failed.code ~= "NOT_REACHED" then
    return
  end
  local now = scheduler.now()
  for _, gpu in ipairs(c.gpus or {}) do
    local trouble = gpu.trouble
    if trouble and now - trouble.at <= SEEN_LATELY and trouble.at - trouble.since >= took / 2 then
      c.quarantine:suspect(gpu.id, failed.message)
    end
  end
end

-- The same for a step that handles one device after the other; c.memory.handled is the last.
function M.suspect_handled(c, failed, codes)
  local gpu = c.memory.handled
  if failed and codes[failed.code] and gpu then
    c.quarantine:suspect(gpu.id, failed.message)
  end
end

return M
