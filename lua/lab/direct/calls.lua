-- One call from a script to the simulated world, in the same process: time passes, faults
-- strike, the world's errors
-- become the failure objects that the real natives raise. Every verb of every native here goes
-- through `outside`.
local failure = require("failure")
local scheduler = require("core.scheduler")
local errors = require("lab.world.errors")
local sight = require("lab.world.sight")
local wmi = require("wmi")

local M = {}

local REQUEST_TIMEOUT = 30 -- seconds that a client waits for one answer
local CONNECT_TIMEOUT = { eem = 5, wmi = 10 } -- and for a connection (README, parameters)

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

M.GARBLED = "the answer is not ExpEther Manager's"

local function raise(code, message, more)
  local failed = failure.new({ code = code, message = message })
  for key, value in pairs(more or {}) do
    failed[key] = value
  end
  error(failed, 0)
end
M.raise = raise

local http_codes = { [401] = "EEM_AUTH", [403] = "EEM_AUTH", [404] = "EEM_NOT_FOUND" }

-- The failure that a world error ({ http =, text = } or { hresult =, text = }) is to a script, by
-- the native's own table of numbers. change: a method was called, which may have been carried out.
local function failure_of(problem, change)
  if problem.http then
    local code = http_codes[problem.http] or (problem.http >= 500 and "EEM_SERVER") or "EEM_REFUSED"
    local failed = failure.new({ code = code, message = problem.text })
    failed.http = problem.http
    return failed
  end
  local code, transient, executed = wmi.meaning(problem.hresult)
  local failed = failure.new({ code = code or "WMI_FAULT", message = problem.text,
    transient = transient or false })
  failed.hresult, failed.http = problem.hresult, 500
  failed.maybe_executed = executed and change or nil
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

-- How long a client waits for a connection to a target and for an answer, where that is said.
function M.set_patience(actor, target, options)
  actor.patience = actor.patience or {}
  actor.patience[target] = options
end

local function patience_of(call, what, default)
  local options = call.actor.patience and call.actor.patience[call.target]
  return options and options[what] or default
end

-- Waits as a client does: no longer than its own patience, nor than the task's deadline. Returns
-- whether the `seconds` were over by then.
local function wait_for_answer(call, seconds, longest)
  local patience = longest or patience_of(call, "timeout", REQUEST_TIMEOUT)
  local deadline = scheduler.current().deadline
  if deadline then
    patience = math.max(math.min(patience, deadline - scheduler.now()), 0.001)
  end
  scheduler.sleep(math.min(seconds, patience))
  return seconds < patience
end

-- What a failure is about, unless it says so itself.
local function told(failed, about)
  if about and failure.is(failed) and not failed.target then
    failed.target = about
  end
  return failed
end

-- An answer that refuses: EEM's, or a fault of WMI, or, where WMI has an HTTP status, a page of
-- somebody else.
local function refuse(call, rule, change)
  local eem, http, text = call.kind == "eem", rule.http, rule.text or "refused"
  local failed
  if eem or not http then
    http = eem and (http or 500) or nil
    local number = rule.hresult or math.tointeger(rule.code) or errors.FAILED
    failed = failure_of({ http = http, hresult = number, text = text }, change)
    failed.maybe_executed = failed.maybe_executed or change and eem and http >= 500 or nil
  else
    local code, transient, executed = wmi.page(http)
    failed = failure.new({ code = code, message = text, transient = transient })
    failed.http = http
    failed.maybe_executed = change and executed or nil
  end
  error(told(failed, call.about), 0)
end

-- Nobody answers. A client that has had answers waits for one more; else no connection comes about.
local function silent(call, change)
  local w, actor = words[call.kind], call.actor
  local more = { maybe_executed = change, target = call.about }
  if actor.connected and actor.connected[call.target] then
    actor.connected[call.target] = nil
    wait_for_answer(call, math.huge)
    raise(w.timeout, w.name .. " did not answer in time", more)
  end
  wait_for_answer(call, math.huge,
    patience_of(call, "connect_timeout", CONNECT_TIMEOUT[call.kind]))
  more.maybe_executed = call.maybe_executed
  raise(w.unreachable, "no connection to " .. w.name, more)
end

-- Raises what a call to a target that is down raises.
function M.unreachable(world, call)
  local rule = world.faults:of_dead(call.target)
  if rule.effect == "silence" then
    silent(call, call.maybe_executed)
  end
  raise(words[call.kind].unreachable, "no connection to " .. words[call.kind].name,
    { target = call.about, maybe_executed = call.maybe_executed })
end

-- A look whose answer lacks rows. `act` does not wait.
local function with_sight(world, rule, call, act)
  world.sight = sight.new(world, call.target, rule, call)
  local results = table.pack(pcall(act))
  world.sight = nil
  if not results[1] then
    error(results[2], 0)
  end
  return table.unpack(results, 2, results.n)
end

-- What the rule of a fault does to a call. `act` does the call. Returns act's results, or raises.
local function strike(world, rule, call, act)
  local w, effect = words[call.kind], rule.effect
  local change = call.change or call.verb == "Invoke" or nil
  local function lost(code, message, http)
    raise(code, message, { maybe_executed = change, target = call.about, http = http })
  end
  if effect == "unreachable" then
    raise(w.unreachable, "no connection to " .. w.name, { target = call.about })
  elseif effect == "silence" then
    silent(call, change)
  elseif effect == "empty" or effect == "short" then
    return with_sight(world, rule, call, act)
  elseif effect == "return" then
    return rule.value
  elseif effect == "drop" or effect == "drop after" then
    if effect == "drop after" then
      pcall(act) -- what it said is not heard, be it a refusal
    end
    lost(w.unreachable, w.name .. " closed the connection without an answer")
  elseif effect == "crash after" then
    pcall(act)
    crash(rule.actor)
  elseif effect == "timeout" or effect == "timeout after" then
    if effect == "timeout after" then
      pcall(act)
    end
    wait_for_answer(call, math.huge)
    lost(w.timeout, w.name .. " did not answer in time")
  elseif effect == "refuse" then
    refuse(call, { http = call.kind == "eem" and 400 or nil }, change)
  elseif effect == "delay" or effect == "delay after" then
    local results = effect == "delay after" and table.pack(act())
    if not wait_for_answer(call, rule.seconds or 1) then
      if not results then
        pcall(act) -- it is done after all, later than anybody waited
      end
      lost(w.timeout, w.name .. " did not answer in time")
    end
    if results then
      return table.unpack(results, 1, results.n)
    end
    return act()
  elseif effect == "error" or effect == "error after" then
    if effect == "error after" then
      pcall(act)
    end
    refuse(call, rule, change)
  end
  local done, refusal = pcall(act) -- but the answer is spoilt
  if not done and call.kind == "eem" and effect == "garbage" then -- its status is left
    raise(refusal.code, M.GARBLED, { http = refusal.http, target = refusal.target })
  elseif effect == "huge" then
    lost(w.large, "the answer exceeds the limit")
  end
  lost(w.bad, "the answer of " .. w.name .. " is not understood", rule.http
    or not done and effect ~= "html" and refusal.http or 200)
end

local function do_it(world, call, act, a, b, c)
  world.by = call.actor.by
  local returned = call.method and world.faults:returns()
  if returned then
    return returned
  end
  local ok, first, second, third = pcall(act, a, b, c)
  if not ok then
    error(told(translate(first), call.about), 0)
  end
  return first, second, third
end

-- The effect that an actor's faults have for this call: by the call's number, or, of a change, by
-- its target, name and how often this run has made it ("eem PUT 1").
local function effect_of(actor, call)
  local effect, made = actor.faults[actor.count], actor.made
  if not call.change then
    return effect
  end
  local name = call.target .. " " .. (call.method or call.verb)
  made[name] = (made[name] or 0) + 1
  return effect or actor.faults[name .. " " .. made[name]]
end

-- What an effect of an actor's fault is to a call as the world's rules have it. `lasts`: for every
-- later call of the run to the same target, too. "empty" and "short" are of looks, "busy" of
-- methods.
local effects = {
  empty = { effect = "empty", match = {}, left = 1 },
  ["empty from here"] = { effect = "empty", match = {}, lasts = true },
  short = { effect = "short", rows = "all", match = {}, left = 1 },
  silence = { effect = "silence", match = {}, lasts = true },
}
local LISTS = { empty = true, short = true }
local BUSY, IN_USE = 32775, 15 -- of methods of Hyper-V; of files
local BUSY_FOR = 20 -- seconds

local function fits(rule, call)
  return not LISTS[rule.effect] or not call.change and not call.method
end

-- A method that is not possible now, for a while.
local function busy_rule(call)
  local files = call.class == "CIM_DataFile" or call.class == "Win32_Directory"
  if not call.method or call.namespace ~= "root/virtualization/v2" and not files then
    return nil
  end
  return {
    effect = "return", value = files and IN_USE or BUSY, match = {}, method = call.method,
    ends = scheduler.now() + BUSY_FOR,
  }
end

-- What has begun at an earlier call of the run and is still so.
local function lasting_rule(actor, call)
  local rule = actor.lasting and actor.lasting[call.target]
  local over = not rule or rule.ends and rule.ends <= scheduler.now()
    or rule.method and rule.method ~= call.method
  return not over and fits(rule, call) and rule or nil
end

-- A call that is late: longer than everything else of a run takes, shorter than eem.settle.
local SLOW = 0.8 -- seconds
local slow = { slow = "delay", ["slow after"] = "delay after" }

-- What the actor's own faults do to this call: a rule as the world's faults have it, or nil.
local function fault_of(world, actor, call)
  local effect = effect_of(actor, call)
  if not effect then
    return lasting_rule(actor, call)
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
  elseif effects[effect] or effect == "busy" then
    local rule = effects[effect] or busy_rule(call)
    if rule and (rule.lasts or rule.ends) then
      actor.lasting = actor.lasting or {}
      actor.lasting[call.target] = rule
    end
    return rule and fits(rule, call) and rule or nil
  elseif slow[effect] then
    return { effect = slow[effect], seconds = SLOW, actor = actor }
  end
  return { effect = effect, actor = actor, match = {}, left = 0 }
end

---@class OutsideCall
---@field kind "eem"|"wmi"
---@field target string "eem" or the node's name
---@field change boolean
---@field actor table who calls
---@field about string? what a failure is about: an id
--- and what a fault rule matches: verb, path, class, method, namespace

local CUT = { effect = "silence" }
-- Ways in which no answer arrives that a connection could be kept for.
local BREAKS = { silence = true, unreachable = true, drop = true, ["drop after"] = true }

local function connected(actor, target)
  local known = actor.connected
  if not known then
    known = {}
    actor.connected = known
  end
  known[target] = true
end

-- Does `act(a, b, c)` as one call to the outside.
function M.outside(world, call, act, a, b, c)
  world:advance()
  local latency = world.latency.answer
  if latency > 0 then
    scheduler.sleep(latency)
    world:advance()
  end
  local actor, hook = call.actor, world.hook
  actor.count = actor.count + 1
  if actor.kinds then
    actor.kinds[actor.count] = call.method and "method" or call.change and "change" or "look"
  end
  local rule = actor.faults and fault_of(world, actor, call)
  if hook then
    hook(call, "before")
  end
  rule = world.faults:take(call.target, call) or rule
  if world.cut and world.cut(actor.node, call.target) then -- no way from this node to the target
    rule = CUT
  end
  if not (rule or hook) then
    connected(actor, call.target)
    return do_it(world, call, act, a, b, c)
  end
  local first, second, third
  if not (rule and BREAKS[rule.effect]) then
    connected(actor, call.target)
  elseif rule.effect ~= "silence" and actor.connected then
    actor.connected[call.target] = nil
  end
  if rule then
    first, second, third = strike(world, rule, call, function()
      return do_it(world, call, act, a, b, c)
    end)
  else
    first, second, third = do_it(world, call, act, a, b, c)
  end
  if hook then
    hook(call, "after")
  end
  return first, second, third
end

return M
