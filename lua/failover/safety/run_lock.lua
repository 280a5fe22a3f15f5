-- One run at a time for each virtual machine on a node, and who gives way to whom. The command line
-- (cli.session) and the simulated cluster (lab.simulated_command) decide with the same lines; how a
-- lock is tried and how a process is asked to end is theirs.
--
-- A start gives way to a stop: it was asked for first, but whoever stops a virtual machine does not
-- want it any more, and a stop script that fails makes EXPRESSCLUSTER shut the server down. The
-- start ends the call that is on the wire, takes back what it made, and lets go of the lock. Nobody
-- else is asked to end: a stop, recover or prepare that is cut off leaves work behind.
local failure = require("failure")

local M = {}

local POLL_FIRST, POLL_MOST = 0.02, 0.5 -- seconds between two tries
local GONE = 1 -- seconds to try on when the holder has just ended
local STOP_WAITS = 30 -- seconds that stop waits for whoever does not give way
local SHARE = 0.5 -- of stop's own time: until when a start must have given way

---@class Holder
---@field text string who has the lock, for people
---@field command string?
---@field key any tells this holder from the next one

---@param holder string? the command that has the lock
---@param command string the one that wants it
---@return boolean
function M.gives_way(holder, command)
  return holder == "start" and command == "stop"
end

-- Seconds to wait for others, and for a start to give way.
---@param command string
---@param deadline number seconds that the whole command has
---@param wait number? the user's wish
---@return number wait, number patience
function M.times(command, deadline, wait)
  if command == "stop" then
    return math.min(wait or STOP_WAITS, deadline * SHARE), deadline * SHARE
  end
  return wait or 0, 0
end

local function busy(options, holder, asked_at)
  local message = ("another run for %s is active: %s"):format(options.vm,
    holder and holder.text ~= "" and holder.text or "nobody knows which")
  if asked_at then
    message = message .. (" (asked to give way %.0f s ago)"):format(options.now() - asked_at)
  end
  failure.raise({
    code = "BUSY", message = message,
    hint = "it ends by itself within its deadline; then try again",
  })
end

-- Takes the lock. Gives it, and in words what was waited for (nil: nothing). Raises BUSY.
---@class TakeOptions
---@field command string
---@field vm string
---@field wait number seconds for whoever it is
---@field patience number seconds for a start that was asked to give way
---@field try fun(): any, Holder? the lock, or nil and who has it
---@field ask fun(holder: Holder): boolean? asks a process to end; false: it has ended already; nil:
--- it cannot be asked
---@field say fun(text: string, holder: Holder) what is waited for
---@field now fun(): number
---@field sleep fun(seconds: number)
---@param options TakeOptions
---@return any lock, string? waited
function M.take(options)
  local began = options.now()
  local deadline = began + options.wait
  local interval = POLL_FIRST
  local asked, told = {}, nil
  while true do
    local lock, holder = options.try()
    if lock then
      return lock, told and ("waited %.1f s for the lock: %s"):format(options.now() - began, told)
    end
    local asked_at = holder and asked[holder.key]
    if holder and asked_at == nil and M.gives_way(holder.command, options.command) then
      local there = options.ask(holder)
      if there then
        asked_at = options.now()
        deadline = math.max(deadline, began + options.patience)
        told = holder.text .. " was asked to give way"
        options.say(("%s; waiting up to %.0f s until it has taken back its work"):format(told,
          math.max(deadline - asked_at, 0)), holder)
      else
        asked_at = false
        deadline = there == nil and deadline or math.max(deadline, options.now() + GONE)
      end
      asked[holder.key] = asked_at
      interval = POLL_FIRST
    elseif holder and not told then
      told = holder.text
      options.say("waiting for " .. told, holder)
    end
    local left = deadline - options.now()
    if left <= 0 then
      busy(options, holder, asked_at)
    end
    options.sleep(math.min(interval, left))
    interval = math.min(interval * 1.5, POLL_MOST)
  end
end

return M
