-- Judges from the facts of a sequence whether a virtual machine is well. Broken is only what was
-- seen not to be well. Whoever could not be asked, and whatever could not be understood, says
-- nothing about the machine: that is "unknown", be it worth another try (transient) or not.
local failure = require("failure")
local scheduler = require("core.scheduler")

local M = {}

local FOR_ENDING = 0.5 -- seconds of the time that are kept for saying what came of it
local NAMED = 3 -- facts that are named with their common cause; of more only the first

-- By its own failures a step says what it saw of the machine, unless it is a safety rule's no.
local function is_seen(failed)
  local code = failure.codes[failed.code]
  return code.source == "failover" and not code.unknown and not code.refusal
end

-- What an answer says of the machine.
---@return "well"|"broken"|"unknown"
local function verdict_of(answer)
  if answer.holds then
    return "well"
  elseif answer.holds == false or answer.failure and is_seen(answer.failure) then
    return "broken"
  end
  return "unknown"
end

-- Facts that were not asked because the time was over or an earlier one is not known, and what a
-- machine that does not run cannot have, have no cause of their own.
local function is_consequence(answer, judged)
  local failed = answer.failure
  if not failed then
    return false
  end
  local follows = failed.code == "DEADLINE" or (failed.details or {}).follows
  return follows and judged.failed or failed.code == "VM_BROKEN" and judged.denied
end

-- Failures of the way to a host are one cause, in whichever words they are told each time.
local function cause_of(answer)
  local failed = answer.failure
  if not failed then
    return answer.name .. "\0" .. tostring(answer.reason)
  end
  local on_the_way = failed.source == "wmi" and failure.codes[failed.code].unknown
  return on_the_way and failed.code or failed.code .. "\0" .. failed.message
end

local function words_of(reason)
  local names = reason.names
  if #names <= NAMED then
    return table.concat(names, ", ") .. ": " .. reason.text
  end
  return ("%s and %d more facts: %s"):format(names[1], #names - 1, reason.text)
end

-- Each cause once, with the facts that it concerns.
---@return string[]
local function reasons_of(answers)
  local list, by_cause, judged = {}, {}, {}
  for _, answer in ipairs(answers) do
    if not answer.holds and not is_consequence(answer, judged) then
      local cause = cause_of(answer)
      local reason = by_cause[cause]
      if not reason then
        reason = { names = {}, text = answer.reason or "no" }
        by_cause[cause], list[#list + 1] = reason, reason
      end
      table.insert(reason.names, answer.name)
    end
    judged.failed = judged.failed or answer.failure ~= nil
    judged.denied = judged.denied or answer.holds == false and not answer.optional
  end
  for i, reason in ipairs(list) do
    list[i] = words_of(reason)
  end
  return list
end

-- One fact that was seen not to be well outweighs what could not be told of the others.
local function judge(answers)
  local answer = "running"
  for _, a in ipairs(answers) do
    local verdict = a.optional and "well" or verdict_of(a)
    if verdict == "broken" then
      return "broken"
    elseif verdict == "unknown" then
      answer = "unknown"
    end
  end
  return answer
end

-- What steps remark on while they look.
local function listen(c)
  local notes = {}
  c.listener = function(event)
    notes[#notes + 1] = event.kind == "note" and event.text or nil
  end
  return notes
end

---@class MonitorResult
---@field answer "running"|"stopped"|"broken"|"unknown"
---@field reasons string[]
---@field answers table[] of every fact
---@field degraded string?

-- Looks once. options: context, sequence, deadline (seconds for all of it, 60 where none is told).
---@param ask fun(options: table): table[] every fact of a sequence as it is now
---@return MonitorResult
function M.look(options, ask)
  local c = options.context
  local until_time = scheduler.now() + math.max((options.deadline or 60) - FOR_ENDING, 0.1)
  local notes = listen(c)
  local answers = ask({ context = c, sequence = options.sequence, until_time = until_time })
  local answer, reasons = judge(answers), reasons_of(answers)
  local degraded = answer == "running" and (c.memory or {}).degraded or nil
  if degraded then
    table.insert(reasons, 1, "DEGRADED: " .. degraded)
  end
  if answer == "broken" then -- or cleanly stopped: asked within the same time
    local ok, stopped, why = scheduler.until_time(until_time,
      require("failover.vm.state").stopped, c)
    if ok and stopped then
      answer, reasons = "stopped", { why }
    elseif not ok and stopped.code == "WMI_EMPTY" then -- what says "off" is not to be believed
      answer, reasons = "unknown", { stopped.message }
    end
  end
  table.move(notes, 1, #notes, #reasons + 1, reasons)
  return { answer = answer, reasons = reasons, answers = answers, degraded = degraded }
end


return M
