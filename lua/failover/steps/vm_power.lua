-- Facts about running: not elsewhere, running here, healthy, with its GPU, off.
local selection = require("failover.devices.selection")
local failover = require("failover")
local evidence = require("failover.safety.evidence")
local failure = require("failure")
local guest_word = require("failover.vm.guest_word")
local requests = require("failover.parameters.requests")
local scheduler = require("core.scheduler")
local vm_access = require("failover.vm.access")
local vm_files = require("failover.vm.files")
local vm_state = require("failover.vm.state")
local step = failover.step

-- Says once which nodes do not answer, and on whose word the run goes on all the same.
local function note_silent(c, names, states)
  local list = table.concat(names, ", ")
  if #names > 0 and c.memory.peers_noted ~= list then
    c.memory.peers_noted = list
    c:note(("%s %s not answer: %s%s"):format(list, #names == 1 and "does" or "do",
      states[names[1]].failure.message,
      c.evidence and "; the operator says: " .. c.evidence or ""))
  end
end

local not_running_elsewhere = step "VM not running on another node" {
  within = 30,
  holds = function(c)
    local id = vm_files.identify(c)
    local names, silent = {}, {}
    for _, name in ipairs(c:peers()) do
      names[#names + 1] = evidence.may_run(c, name) and name or nil
    end
    local states = evidence.peers(c, names)
    for _, name in ipairs(names) do
      local state = states[name]
      for _, vm in ipairs(state.vms or {}) do
        if vm_state.is(vm, c.vm_name, { id = id or nil, name = c.vm.name })
          and evidence.is_active(vm) then
          failure.raise({
            code = "REFUSED", node = name,
            message = string.format("%s is %s on %s", vm.name, vm.state, name),
            hint = string.format("stop it there first: takeover --node %s stop %s, or in "
              .. "EXPRESSCLUSTER", name, c.vm_name),
          })
        end
      end
      if not state.reachable then
        silent[#silent + 1] = name
      end
    end
    note_silent(c, silent, states)
    c.memory.looked_elsewhere = scheduler.now()
    return true
  end,
}

-- JobType of mounting and dismounting an assignable device (docs/facts/hyperv-wmi.md#1.9)
local DEVICE_JOB = 260
local DEVICE_JOB_TIME = 120 -- seconds; such a job takes a few, and older ones hang
local JOB_TIME = 300 -- seconds without progress after which a job hangs
local REMEDY = "if it hangs, restart Hyper-V's management service on %s: Restart-Service vmms; "
  .. "running machines go on"

local function words_of(job)
  return string.format("job %s is %s, %d%%%s", job.name or job.id, job.state, job.percent,
    job.age and string.format(", for %d s", job.age) or "")
end

-- Seconds that a job has been seen at work, or says that it is; and those without progress.
local function times_of(c, job)
  local seen = c.memory.jobs or {}
  c.memory.jobs = seen
  local now, one = scheduler.now(), seen[job.id]
  if not one or one.percent ~= job.percent then
    one = { percent = job.percent, since = now, first = one and one.first or now }
    seen[job.id] = one
  end
  return math.max(job.age or 0, now - one.first), now - one.since
end

-- Which device a job is about cannot be told. A young one may be about ours and is waited for; one
-- that hangs does not end while we wait, and whether it has ours is seen when that is dismounted.
local function device_job_counts(c, job)
  local age = times_of(c, job)
  if age < DEVICE_JOB_TIME then
    return true
  end
  c:note_once(string.format("%s; it is about a device, nobody can tell which, and it is not waited "
    .. "for any more; " .. REMEDY, words_of(job), c.node))
  return false
end

-- A job on our machine is waited for while it goes on.
local function await(c, job)
  local age, idle = times_of(c, job)
  if age >= JOB_TIME and idle >= DEVICE_JOB_TIME then
    failure.raise({
      code = "WMI_JOB_TIMEOUT", target = job.vm, hint = REMEDY:format(c.node),
      message = string.format("%s, and has made no progress for %.0f s", words_of(job), idle),
    })
  elseif age >= 60 then
    c:note_once(string.format("waiting for %s; " .. REMEDY, job.name or job.id, c.node))
  end
end

-- A job that an earlier run started goes on when that run was killed, and takes the machine or its
-- card away in the middle of ours.
local undisturbed = step "no earlier job at work on the VM or a device" {
  within = math.huge,
  holds = function(c)
    local id = vm_files.identify(c)
    for _, job in ipairs(id and c.hyperv:jobs() or {}) do
      if job.vm == id then
        await(c, job)
        return false, words_of(job)
      elseif job.type == DEVICE_JOB and device_job_counts(c, job) then
        return false, words_of(job)
      end
    end
    return true
  end,
}

-- States that pass by themselves, perhaps left by an earlier run.
local in_transition = {
  starting = true, stopping = true, saving = true, pausing = true, resuming = true,
}

local UNKNOWN = "Hyper-V shows it in a state that is not known"

local function refuse_to_start(c, vm)
  failure.raise({
    code = "HYPERV_STATE", node = c.node,
    message = string.format("%s is %s; only a machine that is off is started", c.vm_name,
      vm and vm.state or "not registered"),
    hint = vm and vm_state.way_off(vm) or nil,
  })
end

local LOOKED_ELSEWHERE = 60 -- seconds that a look at the other nodes counts before a start

-- Powering on may take minutes (all memory of a machine with a device is taken at once): the job
-- has as long as the run.
local running = step "VM running" {
  least = 5,
  remedy = "look at {name} in Hyper-V Manager on {node}; if it hangs while starting: "
    .. "Restart-Service vmms there (running machines go on)",
  lasts = function(c, left)
    return left - math.min(c.vm.boot_timeout, left / 4)
  end,
  holds = function(c)
    local vm = vm_state.registered(c)
    if not vm then
      return false, "it is not registered"
    end
    if vm.state == "unknown" then
      return nil, UNKNOWN
    end
    return failover.answer(vm.state == "running", "it is " .. vm.state)
  end,
  act = function(c)
    local vm = vm_state.registered(c)
    if vm and in_transition[vm.state] then
      return false
    elseif vm and vm.state == "critical" then
      vm_state.wait_for_storage(c, vm)
    elseif scheduler.now() - (c.memory.looked_elsewhere or 0) > LOOKED_ELSEWHERE then
      not_running_elsewhere.holds(c) -- the run has waited since
    end
    if not vm or vm.state ~= "off" then
      refuse_to_start(c, vm)
    end
    vm_access.start(c, vm)
  end,
  undo = function(c)
    local vm = vm_state.registered(c)
    if vm then
      c.hyperv:turn_off(vm)
    end
  end,
}

local function note_once(c, key, text)
  c.memory.power_noted = c.memory.power_noted or {}
  if not c.memory.power_noted[key] then
    c.memory.power_noted[key] = true
    c:note(text)
  end
end

-- What Hyper-V calls no fault but somebody should know (Msvm_ComputerSystem, OperationalStatus and
-- HealthState; docs/facts/hyperv-wmi.md#1.2).
local function remark(c, vm)
  if vm.status == "predictive failure" then
    note_once(c, "status", "Hyper-V expects a failure of " .. vm.name
      .. ": a disk that its files are on is nearly full")
  elseif vm.health == "major" or vm.health == "critical" then
    note_once(c, "health", ("Hyper-V calls the health of %s %s"):format(vm.name, vm.health))
  end
end

-- Heartbeats of a guest that lives. "degraded" is one in an older, compatible version of the
-- protocol; one that is not compatible is an "error" (Msvm_HeartbeatComponent,
-- docs/facts/hyperv-wmi.md#1.10).
local alive = { ok = true, degraded = true }

-- From here on the machine is left running, whatever comes. Where the guest's own word on its GPU
-- is asked for, only that is the whole proof of life.
local healthy = step "VM's heartbeat seen" {
  commits = function(c)
    return not c.vm.guest_gpu
  end,
  within = function(c)
    return c.vm.boot_timeout
  end,
  least = 10,
  remedy = "look at the guest's screen (vmconnect {node} {name}): does it boot, is its integration "
    .. "service Heartbeat on? If it only boots slowly: vms.{vm}.boot_timeout",
  when = function(c)
    return c.vm.heartbeat
  end,
  holds = function(c)
    local vm = vm_state.registered(c)
    if vm and vm.state == "unknown" then
      return nil, UNKNOWN
    elseif not vm or vm.state ~= "running" then
      failure.raise({
        code = "VM_BROKEN",
        message = c.vm_name .. " is " .. (vm and vm.state or "not registered") .. ", not running",
      })
    end
    remark(c, vm)
    local heartbeat = c.hyperv:heartbeat(vm)
    if heartbeat == "none" then
      return nil, "Hyper-V shows no heartbeat service of " .. c.vm_name
    elseif heartbeat == "degraded" then
      note_once(c, "heartbeat", c.vm_name .. "'s heartbeat is there, in an older version of its "
        .. "protocol: the guest's integration services may be updated")
    end
    return failover.answer(alive[heartbeat], "heartbeat: " .. heartbeat)
  end,
}

local SILENT = "the guest says nothing about its GPU (is the "
  .. "publisher of examples/guest installed?)"

-- The guest's own word (failover/vm/guest_word.lua): as many GPUs work in it as the machine has.
local guest_sees_gpu = step "guest reports a working GPU" {
  within = function(c)
    return math.max(c.vm.boot_timeout, guest_word.TWO_PERIODS + 60)
  end,
  code = "VM_WITHOUT_GPU",
  commits = true,
  when = function(c)
    return c.vm.guest_gpu
  end,
  holds = function(c)
    local vm = vm_state.registered(c)
    local word = vm and vm.state == "running" and guest_word.read(c, vm)
    c.memory.guest_said = word and word.believed
    if not word then
      return nil, SILENT
    end
    local _, least = requests.wanted(c.vm)
    local wanted = c.gpus and #c.gpus + #(c.shares or {}) or least
    local text = string.format("the guest says: %s, %d of %d GPUs", word.status, word.count, wanted)
    if not word.believed then
      return nil, text .. "; " .. word.why
    end
    return failover.answer(word.status == "ok" and word.count >= wanted, text)
  end,
  -- A guest that says nothing proves nothing. Which of several devices is missing it does not say.
  ended = function(c, failed)
    if failed and failed.code == "VM_WITHOUT_GPU" and c.memory.guest_said then
      for _, gpu in ipairs(c.gpus or {}) do
        c.quarantine:suspect(gpu.id, failed.message)
      end
    end
  end,
}

-- Asked by monitor: the machine has as many devices of the right models as it should.
local has_gpu = step "VM has its GPU" {
  within = 30,
  holds = function(c)
    local vm = vm_state.registered(c)
    if not vm then
      return false, "it is not registered"
    end
    local count = 0
    for _, assignment in ipairs(c.hyperv:assigned(vm)) do
      count = count + (assignment.present and 1 or 0)
    end
    for _, partition in ipairs(selection.wants_shares(c.vm) and c.hyperv:partitions(vm) or {}) do
      count = count + (partition.present and 1 or 0)
    end
    local wanted, least = requests.wanted(c.vm)
    if count >= least and count < wanted then
      c.memory.degraded = string.format("%d of %d devices", count, wanted)
    end
    return count >= least, string.format("%d of %d devices are there", count, wanted)
  end,
}

-- Off, saved counts as not off, gone counts as off. Gracefully first; the quick way is to turn
-- it off, again and again while the run has time: a stop that fails costs the whole server.
local off = step "VM off" {
  within = math.huge,
  grace = function(c)
    return c.vm.shutdown_timeout
  end,
  least = 15,
  remedy = 'turn it off by hand: Stop-VM "{name}" -TurnOff -Force on {node}; if that hangs, end '
    .. "the vmwp.exe that has its GUID",
  keeps = "the request to stop the machine, which it may still follow",
  holds = function(c)
    local vm = vm_state.registered(c)
    if not vm then
      return true, "it is not registered here"
    end
    local off = vm.state == "off"
    if not off and not (vm.state == "critical" and not evidence.is_active(vm)) then
      return false, "it is " .. vm.state
    elseif vm_state.has_process(c, vm.id) then
      return false, "it is " .. vm.state .. ", but its process is still there"
    end
    return true, not off and "it is not on, and its storage is not reachable" or nil
  end,
  act = function(c)
    local vm = vm_state.registered(c)
    if vm and vm.state == "running" then
      c.hyperv:shutdown(vm, { force = true, reason = "Takeover stops the virtual machine" })
    elseif vm and in_transition[vm.state] then
      return false
    elseif vm then
      c.hyperv:turn_off(vm)
    end
  end,
  quick = function(c)
    local vm = vm_state.registered(c)
    if vm then
      c.hyperv:turn_off(vm)
    end
  end,
}

return {
  not_running_elsewhere = not_running_elsewhere,
  undisturbed = undisturbed,
  running = running,
  healthy = healthy,
  has_gpu = has_gpu,
  guest_sees_gpu = guest_sees_gpu,
  off = off,
}
