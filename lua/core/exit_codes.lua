-- What the program's exit code says, in the only table of it. 10 and more, because 1 is cmd.exe's
-- own and small numbers belong to others: ECX's log then tells the cases apart.
local codes = require("failure").codes

local M = {}

---@type { name: string, code: integer, meaning: string }[]
M.list = {
  { name = "ok", code = 0, meaning = "done, or nothing had to be done" },
  {
    name = "refused", code = 10,
    meaning = "a safety rule forbids it, or evidence is missing; what was changed before is "
      .. "undone, as with 11",
  },
  {
    name = "failed", code = 11,
    meaning = "failed; what was changed is undone, or kept where the message says why that does "
      .. "no harm",
  },
  { name = "not_undone", code = 12, meaning = "failed, and not everything is undone: look at it" },
  {
    name = "configuration", code = 13,
    meaning = "parameters.lua, a secret, an account, a certificate or a sequence is wrong; "
      .. "nothing was changed",
  },
  { name = "busy", code = 14, meaning = "another run for the same virtual machine is active" },
  {
    name = "cancelled", code = 15,
    meaning = "stopped by a signal; what was changed is undone or kept, as with 11",
  },
  {
    name = "deadline", code = 16,
    meaning = "the time was used up; what was changed is undone or kept, as with 11",
  },
  { name = "no_device", code = 17, meaning = "no device satisfies the request" },
  { name = "stopped", code = 18, meaning = "monitor: the virtual machine is cleanly stopped" },
  { name = "broken", code = 19, meaning = "monitor: the virtual machine is not healthy" },
  { name = "unknown", code = 20, meaning = "its state cannot be told (monitor, plan, status)" },
  {
    name = "internal", code = 21,
    meaning = "a defect in Takeover, or a script given to `run` failed",
  },
  { name = "usage", code = 22, meaning = "the command line is wrong" },
  {
    name = "not_writable", code = 23,
    meaning = "the state directory or the journal cannot be used; nothing was changed",
  },
  {
    name = "limits", code = 24,
    meaning = "the limits of this account leave too little memory or too few files (ulimit)",
  },
  { name = "output", code = 25, meaning = "standard output could not be written" },
}

for _, entry in ipairs(M.list) do
  M[entry.name] = entry.code
end

---@return string? name of an exit code
function M.name(code)
  for _, entry in ipairs(M.list) do
    if entry.code == code then
      return entry.name
    end
  end
  return nil
end

-- The exit code for a failure that ended a command before or outside of a run.
---@param failure table
---@return integer
function M.of_failure(failure)
  if failure.details and failure.details.sequence then
    return M.configuration -- a sequence that could not be loaded
  end
  local known = codes[failure.code]
  return M[known and known.exit or "failed"]
end

-- The exit code for what monitor answers. What cannot be told is never "broken".
---@param answer "running"|"stopped"|"broken"|"unknown"
---@param vm table of the parameters
---@return integer
function M.of_monitor(answer, vm)
  if answer == "running" or answer == "unknown" and vm.monitor.when_unknown == "healthy" then
    return M.ok
  end
  return M[answer]
end

-- The exit code for the result of a run (failover.engine). Something left undone outweighs its
-- cause.
---@param result { state: string, undone: boolean?, failure: table? }
---@return integer
function M.of_result(result)
  if result.state == "succeeded" then
    return M.ok
  elseif result.undone == false then
    return M.not_undone
  elseif result.state == "cancelled" then
    return M.cancelled
  elseif result.failure then
    local code = M.of_failure(result.failure)
    -- "configuration" promises that nothing was changed
    return code == M.configuration and result.undone and M.failed or code
  end
  return result.state == "refused" and M.refused or M.failed
end

return M
