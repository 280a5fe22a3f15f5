-- Jobs of Hyper-V: an operation that takes time, with progress, an end and a short afterlife
-- (docs/facts/hyperv-wmi.md#1.9). A kind of job says what it does at its beginning, at its end and
-- when it fails:
--   { type = JobType, latency = name in world.latency, begin = fn, work = fn, failed = fn }
-- all called as fn(hyperv, a, b, c). `work` gives the result, or nil and { code =, text =, errors
-- = }.
local upper = require("lab.world.text").upper

local M = {}

local RUNNING, COMPLETED, TERMINATED, KILLED, EXCEPTION, WARNINGS = 4, 7, 8, 9, 10, 32768
local STARTED, FAILED = 4096, 32768

local kinds = {}
local NO_ERRORS = {}

function M.kind(name, kind)
  kind.name = name
  kinds[name] = kind
end

local function forget(self, job)
  self.jobs_by_id[job.id] = nil
  for i, other in ipairs(self.job_list) do
    if other == job then
      table.remove(self.job_list, i)
      return
    end
  end
end

-- A job has no field for an HRESULT: it stands in the text, in every language.
local function text_of(failure)
  local text = failure.text or "The operation failed."
  local number = failure.hresult and ("%08X"):format(failure.hresult)
  return number and not text:upper():find(number, 1, true) and ("%s (0x%s)"):format(text, number)
    or text
end

local function fail(self, job, failure)
  job.state = EXCEPTION
  job.error_code = failure.code or FAILED
  job.error_text = text_of(failure)
  job.hresult = failure.hresult
  job.errors = failure.errors or { { id = tostring(job.error_code), text = job.error_text } }
  local kind = kinds[job.kind]
  if kind.failed and not job.lie then
    kind.failed(self, job.a, job.b, job.c)
  end
end

local function finish(self, job)
  if job.state ~= RUNNING then
    return
  end
  local world, rule = self.world, job.rule
  local by = world.by
  world.by = job.by
  job.finish = world.clock.time
  if rule and rule.effect == "job fails" then
    fail(self, job, rule)
  elseif job.lie then
    job.state = COMPLETED
  else
    local out, failure = kinds[job.kind].work(self, job.a, job.b, job.c)
    if failure then
      fail(self, job, failure)
    else
      job.state = COMPLETED
      job.out = out
      job.affected = out and type(out) == "table" and out.affected or job.affected
      if rule and rule.effect == "job warns" then
        job.state = WARNINGS
        job.error_text = rule.text or "The operation completed with warnings."
      end
    end
  end
  if rule and rule.effect == "job vanishes" then
    forget(self, job)
  end
  world.by = by
end

-- Starts a job. Gives what a WMI method gives: code, job, result.
function M.start(self, name, a, b, c)
  local world, kind = self.world, kinds[name]
  local faults = world.faults
  local lie = faults:lies()
  local rule = faults:for_job()
  self.job_count = self.job_count + 1
  local job = {
    id = string.format("B0B0%04X-%04X-4000-8000-%012X", self.node.number, 0, self.job_count),
    kind = name,
    type = kind.type,
    state = RUNNING,
    begin = world.clock.time,
    by = world.by,
    a = a,
    b = b,
    c = c,
    affected = type(a) == "table" and a.config
      and { kind = a.planned and "planned" or "vm", id = a.id } or nil,
    lie = lie,
    rule = rule,
    error_code = 0,
    errors = NO_ERRORS,
  }
  if not lie and kind.begin then
    kind.begin(self, a, b, c)
  end
  self.job_list[#self.job_list + 1] = job
  self.jobs_by_id[job.id] = job
  if rule and rule.effect == "job hangs" then
    return STARTED, job
  end
  local seconds = world.latency[kind.latency or name]
  job.finish = job.begin + seconds -- expected; true when it has ended
  world.clock:after(seconds, finish, self, job)
  if job.state == COMPLETED and not rule and world.switches.jobs == "when slow" then
    forget(self, job)
    return 0, nil, job.out
  end
  return STARTED, job, job.out
end

-- Methods of Hyperv -----------------------------------------------------------------------------

local methods = {}
M.methods = methods

local function expired(self, job)
  local kept = self.world.latency.job_kept
  return job.state ~= RUNNING and job.finish + kept <= self.world.clock.time
end

function methods:jobs()
  while self.job_list[1] and expired(self, self.job_list[1]) do
    forget(self, self.job_list[1])
  end
  return self.job_list
end

-- A finished job that nobody asked for in time is gone.
function methods:job(id)
  local job = self.jobs_by_id[upper(id)]
  if job and expired(self, job) then
    forget(self, job)
    return nil
  end
  return job
end

-- The machine that a job is or was at work on, while it is there. A job that has not ended means
-- that very record, not a later one of the same id.
function methods:affected(job)
  local vm = job.affected and self:any(job.affected.id)
  return vm and (job.state ~= RUNNING or vm == job.a) and vm or nil
end

---@return integer percent of now
function methods:percent(job)
  if job.state ~= RUNNING then
    return job.state == EXCEPTION and 0 or 100
  end
  if not job.finish then
    return 50 -- it hangs
  end
  local whole = job.finish - job.begin
  return whole > 0 and math.floor(99 * (self.world.clock.time - job.begin) / whole) or 0
end

-- RequestStateChange of a job: 4 terminate, 5 kill.
function methods:stop_job(id, how)
  local job = self:job(id)
  if not job or job.state ~= RUNNING then
    return 32775
  end
  job.state = how == 5 and KILLED or TERMINATED
  job.finish = self.world.clock.time
  local kind = kinds[job.kind]
  if kind.failed and not job.lie then
    kind.failed(self, job.a, job.b, job.c)
  end
  return 0
end

-- The host is gone: so are its jobs.
function methods:drop_jobs()
  for _, job in ipairs(self.job_list) do
    if job.state == RUNNING then
      job.state = KILLED
    end
  end
  self.job_list, self.jobs_by_id = {}, {}
end

return M
