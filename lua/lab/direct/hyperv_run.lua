-- Calls of the simulated Hyper-V: looks, and methods that are followed to the end of their job.
local calls = require("lab.direct.calls")
local failures = require("lab.direct.hyperv_failures")
local failure = require("failure")
local scheduler = require("core.scheduler")

local M = {}

-- Seconds between two looks at a job, as natives/wmi/wmi_job.c has them.
local JOB_FIRST, JOB_LEAST, JOB_SHARE, JOB_MOST = 0.002, 0.05, 1 / 20, 2
local COMPLETED, WARNINGS = 7, 32768
local STOPPED = { [8] = true, [9] = true, [10] = true }

function M.host(self)
  local world = self.world
  local real = (world.poses and world:at(self.node) or self.place).hyperv
  return world.sight and world.sight:hyperv(real) or real
end

local function call_of(self, change, class, method)
  return {
    kind = "wmi", target = self.node, change = change, actor = self.actor,
    verb = method and "Invoke" or "Enumerate", class = class, method = method,
    namespace = "root/virtualization/v2",
  }
end

-- `act(self, a, b)` looks at the world.
function M.look(self, class, act, a, b)
  local call = self.looks[class] -- all looks at one class are alike
  if not call then
    call = call_of(self, false, class)
    self.looks[class] = call
  end
  return calls.outside(self.world, call, act, self, a, b)
end

-- A look at a job, for the method that is followed.
local function poll_of(self)
  local call = call_of(self, false, "Msvm_ConcreteJob")
  call.maybe_executed = true
  return call
end

local function raise(code, message)
  calls.raise(code, message, { maybe_executed = true })
end

-- Waits for a job as the native does. Returns the job as it ended.
local function follow(self, method, job)
  local hypervisor = M.host(self)
  local began, wait = scheduler.now(), JOB_FIRST
  local limit = began + self.job_timeout
  local deadline = scheduler.current().deadline
  if deadline and deadline < limit then
    limit = deadline
  end
  local id = job.id
  while true do
    local now = scheduler.now()
    job = hypervisor:job(id)
    if not self.world:reachable(self.node) then
      calls.unreachable(self.world, poll_of(self))
    elseif not job then
      raise("WMI_JOB_LOST", "the job of " .. method .. " is no longer there")
    elseif job.state == COMPLETED or job.state == WARNINGS or STOPPED[job.state] then
      return job
    elseif now >= limit then
      raise("WMI_JOB_TIMEOUT", "the job of " .. method .. " did not end in time")
    end
    scheduler.sleep(math.min(wait, math.max(limit - now, 0.001)))
    wait = math.min(math.max((now - began) * JOB_SHARE, JOB_LEAST), JOB_MOST)
    self.world:advance()
  end
end

---- which host it is --------------------------------------------------------------------------

local NETBIOS_MAX = 15 -- characters that Windows keeps of a computer's name

local function plain(name)
  return name:match("^[^.]*"):sub(1, NETBIOS_MAX):upper()
end

function M.check_host(self, name)
  if self.expected and plain(self.expected) ~= plain(name) then
    calls.raise("WMI_OTHER_HOST", ("the host at the address of %s says that it is %s"):format(
      self.called, name), {
      target = self.called,
      hint = ('where that is the right host, write host_name = "%s" in nodes.%s in parameters.lua, '
        .. "else correct its address"):format(name, self.called),
    })
  end
  self.seen_host = self.seen_host or name
end

---- its services ------------------------------------------------------------------------------

-- The path of a service is asked for once in a handle's life.
local services = {
  Msvm_VirtualSystemManagementService = true, Msvm_AssignableDeviceService = true,
}

local function service_rows(self, class)
  local hypervisor = M.host(self)
  return hypervisor:shows_itself(class) and { { host = hypervisor.node.host_name } } or {}
end

function M.know_service(self, class)
  if services[class] and not self.services[class] then
    local rows = M.look(self, class, service_rows, class)
    if #rows == 0 then
      failures.empty("the host shows no " .. class)
    end
    M.check_host(self, rows[1].host)
    self.services[class] = true
  end
end

-- For lists that may be empty: the host must show an instance that needs rights and the management
-- service.
function M.check_sight(self, what)
  local class = "Msvm_VirtualSystemManagementService"
  local rows = M.look(self, class, service_rows, class)
  if #rows == 0 then
    failures.empty(("this host shows no %s, and not its management service either"):format(what))
  end
  M.check_host(self, rows[1].host)
end

local function run(self, change, class, method, act)
  local code, job, out = calls.outside(self.world, call_of(self, change, class, method), act)
  if code == 4096 then
    job = follow(self, method, job)
    if STOPPED[job.state] then
      return nil, job, failures.of_job(method, job)
    end
    return job.out, job
  elseif code ~= 0 then
    error(failures.of_method(method, code), 0)
  end
  return out, nil
end

-- Calls a method of the world: `act` returns code, job, out. `target` goes into failures. Gives
-- what the method gave and its job; raises, or gives the failure third when `judge` is true and
-- the job itself failed, or the method said that what it looked at is not valid.
local function invoke(self, change, class, method, target, act, judge)
  M.know_service(self, class)
  if not self.seen_host then -- nothing is changed on a host that has not said who it is
    M.know_service(self, "Msvm_VirtualSystemManagementService")
  end
  local ok, out, job, failed = pcall(run, self, change, class, method, act)
  if ok and not failed then
    return out, job
  end
  failed = failures.explain(failed or out, method, target)
  if judge and (ok or failed.code == "HYPERV_INVALID" and not failed.http) then
    return nil, job, failed
  end
  error(failed, 0)
end

function M.invoke(self, class, method, target, act)
  return invoke(self, true, class, method, target, act)
end

-- For methods that only look.
function M.ask(self, class, method, target, act)
  return invoke(self, false, class, method, target, act, true)
end

-- Runs `act`; what it raises goes through `explain(failed)`, which gives the failure to raise.
function M.explained(explain, act)
  local ok, result = pcall(act)
  if ok then
    return result
  end
  error(failure.is(result) and explain(result) or result, 0)
end

return M
