-- One call from a script to the simulated world, in the same process: time passes, faults
-- strike, the world's errors
-- become the failure objects that the real natives raise. Every verb of every native here goes
-- through `outside`.
local failure = require("failure")
local scheduler = require("host.scheduler")
local errors = require("lab.world.errors")

local M = {}

local REQUEST_TIMEOUT = 30 -- seconds that a client waits for one answer

-- Failure codes of the two services for what a transport can do.
local words = {
  eem = {
    name = "ExpEther Manager", unreachable = "EEM_UNREACHABLE", timeout = "EEM_TIMEOUT",
      auth = "EEM_AUTH",
    bad = "EEM_BAD_ANSWER", large = "EEM_TOO_LARGE", server = "EEM_SERVER",
  },
  wmi = {
    name = "the management service", unreachable = "WMI_UNREACHABLE", timeout = "WMI_TIMEOUT",
      auth = "WMI_AUTH",
    bad = "WMI_BAD_ANSWER", large = "WMI_TOO_LARGE", server = "WMI_FAULT",
  },
}

local function raise(code, message, more)
  local failed = failure.new({ code = code, message = message })
  for key, value in pairs(more or {}) do
    failed[key] = value
  end
  error(failed, 0)
end
M.raise = raise

local http_codes = { [401] = "EEM_AUTH", [403] = "EEM_AUTH", [404] = "EEM_NOT_FOUND" }

local hresults = {
  [errors.NOT_FOUND] = "WMI_NOT_FOUND",
  [errors.ACCESS_DENIED] = "WMI_ACCESS",
  [errors.INVALID_CLASS] = "WMI_BAD_CLASS",
  [errors.INVALID_PARAMETER] = "WMI_BAD_PARAMETER",
  [errors.INVALID_METHOD_PARAMETERS] = "WMI_BAD_PARAMETER",
  [0x8004100E] = "WMI_BAD_CLASS",
}

-- The failure that a world error ({ http =, text = } or { hresult =, text = }) is to a script.
local function failure_of(problem)
  if problem.http then
    local code = http_codes[problem.http] or (problem.http >= 500 and "EEM_SERVER") or "EEM_REFUSED"
    local failed = failure.new({ code = code, message = problem.text })
    failed.http = problem.http
    return failed
  end
  local failed = failure.new({ code = hresults[problem.hresult] or "WMI_FAULT",
    message = problem.text })
  failed.hresult = problem.hresult
  return failed
end

local function translate(problem)
  return errors.is_error(problem) and failure_of(problem) or problem
end

-- Nothing more of this command ever runs.
local function crash(actor)
  actor:kill()
  coroutine.yield()
end

-- Waits as a client does: no longer than its own patience, nor than the task's deadline. Returns
-- whether the `seconds` were over by then.
local function wait_for_answer(seconds)
  local patience = REQUEST_TIMEOUT
  local deadline = scheduler.current().deadline
  if deadline then
    patience = math.max(math.min(patience, deadline - scheduler.now()), 0.001)
  end
  scheduler.sleep(math.min(seconds, patience))
  return seconds < patience
end

-- What the rule of a fault does to a call. `act` does the call. Returns act's results, or raises.
local function strike(rule, kind, change, act)
  local w, effect = words[kind], rule.effect
  if effect == "unreachable" then
    raise(w.unreachable, "no connection to " .. w.name)
  elseif effect == "drop" or effect == "drop after" then
    if effect == "drop after" then
      act()
    end
    raise(w.unreachable, w.name .. " closed the connection without an answer",
      { maybe_executed = change or nil })
  elseif effect == "crash after" then
    act()
    crash(rule.actor)
  elseif effect == "timeout" or effect == "timeout after" then
    if effect == "timeout after" then
      act()
    end
    wait_for_answer(REQUEST_TIMEOUT)
    raise(w.timeout, w.name .. " did not answer in time", { maybe_executed = change or nil })
  elseif effect == "refuse" then
    error(failure_of({
      http = kind == "eem" and 400 or nil, hresult = errors.FAILED, text = "refused",
    }), 0)
  elseif effect == "delay" or effect == "delay after" then
    local results = effect == "delay after" and table.pack(act())
    if not wait_for_answer(rule.seconds or 1) then
      if not results then
        pcall(act) -- it is done after all, later than anybody waited
      end
      raise(w.timeout, w.name .. " did not answer in time", { maybe_executed = change or nil })
    end
    if results then
      return table.unpack(results, 1, results.n)
    end
    return act()
  elseif effect == "error" or effect == "error after" then
    if effect == "error after" then
      act()
    end
    error(failure_of({
      http = rule.http, text = rule.text or "injected",
      hresult = not rule.http and (rule.hresult or errors.FAILED) or nil,
    }), 0)
  end
  act() -- done, but the answer is spoilt
  if effect == "huge" then
    raise(w.large, "the answer exceeds the limit", { maybe_executed = change or nil })
  end
  raise(w.bad, "the answer of " .. w.name .. " is not understood", { maybe_executed = change
    or nil })
end

local function do_it(act)
  local ok, first, second, third = pcall(act)
  if not ok then
    error(translate(first), 0)
  end
  return first, second, third
end

-- What the actor's own faults do to this call: a rule as the world's faults have it, or nil.
local function fault_of(world, actor, call)
  local effect = actor.faults[actor.count]
  if not effect then
    return nil
  end
  actor.struck = (actor.struck or 0) + 1
  if effect == "crash before" then
    crash(actor)
  elseif effect == "stop comes" then
    actor:meet_stop()
    return nil
  elseif effect == "lie" then
    world.faults.lie_next = call.change or nil
    return nil
  end
  return { effect = effect, actor = actor }
end

---@class OutsideCall
---@field kind "eem"|"wmi"
---@field target string "eem" or the node's name
---@field change boolean
---@field info table what a fault rule matches: verb, path, class, method, namespace

-- Does `act` as one call to the outside.
function M.outside(world, call, act)
  world:advance()
  local latency = world.latency.answer
  if latency > 0 then
    scheduler.sleep(latency)
    world:advance()
  end
  local actor, hook = call.actor, world.hook
  actor.count = actor.count + 1
  local rule = actor.faults and fault_of(world, actor, call)
  if hook then
    hook(call, "before")
  end
  rule = world.faults:take(call.target, call.info) or rule
  if world.cut and world.cut(actor.node, call.target) then -- no way from this node to the target
    rule = { effect = "unreachable" }
  end
  local first, second, third
  if rule then
    first, second, third = strike(rule, call.kind, call.change, function()
      world.by = actor.by
      return do_it(act)
    end)
  else
    world.by = actor.by
    first, second, third = do_it(act)
  end
  if hook then
    hook(call, "after")
  end
  return first, second, third
end

return M
