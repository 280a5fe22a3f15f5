-- The engine's face for commands: run a sequence, plan it, ask its facts, monitor.
local failure = require("failure")
local scheduler = require("core.scheduler")
local runner = require("failover.engine.run")

local M = {}

local PARAMETERS_MAX = 131072 -- bytes of JSON that a run's row may have for them

-- The machine, and of the others what a choice by description looks at.
local function machines_of(c, described)
  local vms = { [c.vm_name] = c.vm }
  for key, vm in pairs(described and c.parameters.vms or {}) do
    vms[key] = vms[key] or {
      key = key, name = vm.name, path = vm.path, gpus = vm.gpus, priority = vm.priority,
      nodes = vm.nodes, group = vm.group, id = vm.id, mmio = vm.mmio,
      stop_timeout = vm.stop_timeout,
    }
  end
  return vms
end

-- What a replay starts from: the parameters that steps can see (secrets are references), the Lua
-- files that take part, the moment of the beginning, what this node remembers of devices.
local function recording_of(options, began)
  local c = options.context
  local described = c.vm_name and not require("failover.devices.selection").all_fixed(c.vm)
  local parameters = {
    eem = c.parameters.eem, nodes = c.parameters.nodes, devices = c.parameters.devices,
    vms = c.vm_name and machines_of(c, described) or nil, quarantine = c.parameters.quarantine,
    placement = c.parameters.placement,
  }
  local ok, text = pcall(require("json").encode, parameters)
  return {
    sequence = options.sequence_name or options.sequence.name, began = began,
    remark = options.remark,
    parameters = ok and #text <= PARAMETERS_MAX and parameters or nil,
    quarantine = c.quarantine:snapshot(),
    costs = described and next(c.costs) and c.costs or nil,
    files = require("failover.engine.fingerprint").hashes(options.sequence_name),
  }
end

-- Runs a sequence. options: sequence, sequence_name (by which it was loaded), context, command,
-- deadline (seconds from now), began (the run's first moment, if that is not now), listener,
-- journal_optional (a journal that cannot be written is a warning), remark (noted at the
-- beginning). Gives { state, failure, undone, committed (the step that was a failed run's point of
-- no return), steps, undo, warnings, changes, took, run }.
function M.run(options)
  local c = options.context
  local run_id
  options.began = options.began or scheduler.now()
  local ok, failed = require("loop").guard(c.journal.begin_run, c.journal, {
    command = options.command, vm = c.vm_name, node = c.node, environment = c.ecx,
    arguments = {
      evidence = c.evidence, deadline = options.deadline,
      recording = c.observer.recording and recording_of(options, options.began) or nil,
    },
  })
  if ok then
    run_id = failed
  elseif options.journal_optional then
    c.warnings[#c.warnings + 1] = tostring(failed)
  else
    return { state = "failed", failure = failed, steps = {}, undo = {}, warnings = {}, changes = 0,
      took = 0 }
  end
  local result = runner.run(options)
  for _, entry in ipairs(c.quarantine:settle()) do
    c:note(require("failover.devices.quarantine").announce(entry), entry)
  end
  for _, text in ipairs(c.warnings) do
    table.insert(result.warnings, 1, text)
  end
  result.run = run_id
  result.degraded = result.state == "succeeded" and (c.memory or {}).degraded or nil
  c.journal:end_run({
    state = result.state, exit_code = options.exit_code and options.exit_code(result) or 0,
    message = result.failure and tostring(result.failure)
      or result.degraded and "DEGRADED: " .. result.degraded or nil,
    failure = result.failure,
  })
  return result
end

local words = { yes = "already", no = "would" }

-- What a run would do now. Writes nothing anywhere.
function M.plan(options)
  local plan, unsure = {}, false
  runner.ask(options, function(step, branch, answer, why)
    local entry = { name = step.name, branch = branch, state = words[answer], reason = why
      and tostring(why) }
    if answer == "failed" then
      entry.state = failure.codes[why.code].refusal and "refused" or "unknown"
      entry.failure = why
      if unsure and why.code == "VM_BROKEN" then -- what is not done yet is not broken
        entry.state, entry.reason, entry.failure = "wait", nil, nil
      end
    elseif answer == "no" and not step.act then
      entry.state = unsure and "wait" or "would"
    end
    unsure = unsure or answer ~= "yes"
    plan[#plan + 1] = entry
  end)
  return plan
end

-- Every fact of a sequence as it is now.
function M.ask(options)
  local answers = {}
  runner.ask(options, function(step, branch, answer, why, untold)
    local holds -- nil: it could not be told
    if answer ~= "failed" and not untold then
      holds = answer == "yes"
    end
    answers[#answers + 1] = {
      name = step.name, branch = branch, optional = step.optional or false, holds = holds,
      reason = why and tostring(why), failure = answer == "failed" and why or nil,
    }
  end)
  return answers
end

-- Three answers, and a fourth where it cannot be told: "running", "stopped", "broken", "unknown".
function M.monitor(options)
  return require("failover.engine.monitor").look(options, M.ask)
end

M.try = require("failover.engine.try")

M.now = scheduler.now

return M
