-- Two runs that want the same device at the same instant: exactly one has it in the end, the other
-- one takes another device or ends with HELD_BY.
--
-- On one node, a run keeps a lock for each device that it has chosen by description; the system
-- takes it back when the process ends, however that ends. Between nodes there is only ExpEther
-- Manager, which has no verified way to write a group id on the condition that nobody else has
-- (docs/facts/ecx-eem.md#3.2): so both write, wait until whoever looked at the same time must have
-- written, too, and look again. What stands then counts for both.
--
-- A device that is asked for by its id belongs to one virtual machine, and EXPRESSCLUSTER starts
-- that on one node: nothing of this is done for it.
local selection = require("failover.devices.selection")
local evidence = require("failover.safety.evidence")
local failure = require("failure")
local scheduler = require("core.scheduler")

local M = {}

local SETTLE = 1 -- seconds, where parameters.lua says nothing else

---@class Claims locks of this node, one for each device
---@field take fun(id: string): any, string? the lock (with release), or nil and who has it

-- Is there anything that another run may want as well?
function M.applies(c)
  for _, gpu in ipairs(c.claims and c.gpus or {}) do
    if gpu.described then
      return true
    end
  end
  return false
end

-- Takes the lock of a device, until the run ends. Gives nil, or who has it.
---@return string? holder
function M.reserve(c, gpu)
  local lock, holder = c.claims.take(gpu.id)
  if not lock then
    return (holder or "another run on " .. c.node) .. " is taking it"
  end
  gpu.reserved = lock
end

-- The same before a device is given back: another run that is taking it has not assigned it yet.
function M.reserve_or_fail(c, gpu)
  local holder = c.claims and gpu.described and not gpu.reserved and M.reserve(c, gpu)
  if holder then
    failure.raise({ code = "HELD_BY", target = gpu.id, message = gpu.title .. ": " .. holder })
  end
end

-- Cards of one model that no location tells apart are told by their coming, so they come one after
-- the other. Gives who is waited for, or nil.
---@return string? holder
function M.may_arrive(c, gpu)
  local declared = gpu.locations and gpu.locations[c.node]
  if not c.claims or declared or gpu.arriving then
    return nil
  end
  local lock, holder = c.claims.take("arrival of " .. gpu.vendor .. " " .. gpu.device)
  if not lock then
    return holder or "another run"
  end
  for _, other in ipairs(c.gpus) do
    if other.vendor == gpu.vendor and other.device == gpu.device then
      other.arriving = lock -- all of ours may come together
    end
  end
end

-- The cards have their places: others of their models may come.
function M.arrived(c)
  for _, gpu in ipairs(c.gpus) do
    if gpu.arriving then
      gpu.arriving:release()
      gpu.arriving = nil
    end
  end
end

-- Waits until every other run that saw the device free has written. Gives EEM's record where
-- another value stands then.
function M.settled(c, gpu)
  if not gpu.described then
    return nil
  end
  scheduler.sleep(c.parameters.eem.settle or SETTLE)
  local now = c.eem:device(gpu.id)
  return now.group_id ~= c.this.group_id and now or nil
end

-- The node of ours that has a device.
function M.holder(c, device)
  return evidence.node_of_group(c, device.group_id)
end

-- Has another node of ours a device that this run has chosen by description, or has freed it in
-- order to have it? Any other value is a second writer's.
function M.is_lost(c, gpu, device)
  local holder = not device.free and M.holder(c, device)
  return gpu.described and (device.free or holder and holder ~= c.node) or false
end

-- Why it is lost, in words.
function M.why_lost(c, device)
  return device.free and "another run has freed it to take it" or M.holder(c, device)
    .. " was quicker"
end

local function held_by(gpu, why, otherwise)
  failure.raise({
    code = "HELD_BY", target = gpu.id,
    message = string.format("%s: %s, and %s", gpu.title, why, otherwise),
  })
end

-- Raises HELD_BY where it is so.
function M.fail_if_lost(c, gpu, device)
  if M.is_lost(c, gpu, device) then
    held_by(gpu, M.why_lost(c, device), "this run leaves it alone")
  end
end

-- Chooses other devices in place of one that was lost; those that this run has already stay. Raises
-- HELD_BY where there are none. late: the steps that look at other nodes are over.
function M.choose_again(c, gpu, why, late)
  c.memory.lost = c.memory.lost or {}
  c.memory.lost[gpu.id] = why
  gpu.wrote, gpu.seen_connected = nil, nil -- whatever we wrote does not stand
  local choice, rejection = selection.choose(c)
  if not choice then
    held_by(gpu, why, "no other one can be had: " .. rejection.text)
  end
  local list, had = selection.gpus(c, choice), {}
  for _, old in ipairs(c.gpus) do
    had[old.id] = old
  end
  for i, new in ipairs(list) do
    if had[new.id] then
      list[i], had[new.id] = had[new.id], nil
    elseif late and new.victim then
      held_by(gpu, why, new.victim .. " has " .. new.title)
    elseif c.claims and M.reserve(c, new) then
      c.memory.lost[new.id] = "another run on " .. c.node .. " is taking it"
      return M.choose_again(c, gpu, why, late)
    end
    list[i].late = list[i].late or late
  end
  for _, old in pairs(had) do
    if old.wrote then
      held_by(gpu, why, "the others would have to be given back first")
    end
  end
  c.gpus = list
  c:note(string.format("%s: %s; chosen instead: %s", gpu.title, why,
    table.concat(choice.reasons, "; ")), { device = gpu.id })
end

return M
