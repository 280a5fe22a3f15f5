-- Looks at several places at once, so that those which do not answer cost one timeout in all.
local loop = require("loop")
local recorder = require("failover.engine.recorder")
local scheduler = require("core.scheduler")

local M = {}

-- A task that belongs to the running one: in a recorded run its calls are a branch of their own, as
-- those of failover.together are.
local function branch_off(name, fn)
  local parent = scheduler.current()
  local task = scheduler.spawn(fn)
  task.step, task.looking = parent.step, parent.looking
  recorder.begin_branch(task, (parent.branch and parent.branch .. "." or "") .. "look " .. name,
    parent.trail ~= nil) -- also where nothing is recorded: a replay finds the answers by it
  return task
end

---@class LookJob
---@field name string of the branch in a recorded run
---@field run fun(tasks: Task[]) gets all tasks, so that it can wait for another one

-- Runs all of them, waits for all. A failure of one is raised when all have ended; one that is to
-- stop takes the others along.
---@param jobs LookJob[]
function M.run(jobs)
  local tasks, first = {}, nil
  if #jobs == 1 then
    jobs[1].run(tasks)
    return
  end
  for i, job in ipairs(jobs) do
    tasks[i] = branch_off(job.name, function()
      return job.run(tasks)
    end)
  end
  local ok, raised = loop.guard(function()
    for _, task in ipairs(tasks) do
      local fine, failed = scheduler.join(task)
      first = first or not fine and failed or nil
    end
  end)
  if not ok then
    for _, task in ipairs(tasks) do
      scheduler.cancel(task, raised)
    end
    scheduler.wait_out(tasks)
    error(raised, 0)
  elseif first then
    error(first, 0)
  end
end

return M
