-- One `takeover` command as it runs on a simulated node: the real engine and sequences on the
-- simulated natives. It ends,
-- or is killed with its node, or alone (`kill -9`): then nothing of it ever runs again.
local context = require("failover.engine.context")
local engine = require("failover.engine")
local run_lock = require("failover.safety.run_lock")
local exit_codes = require("core.exit_codes")
local failover = require("failover")
local failure = require("failure")
local inprocess = require("lab.direct")
local loop = require("loop")
local scheduler = require("core.scheduler")

local M = {}

M.SECRET = "correct horse battery staple" -- what every secret resolves to; nothing may say it

local Actor = {}
Actor.__index = Actor

-- A journal in memory: what was changed and remarked, for the checks.
local Notebook = { only_changes = true }
Notebook.__index = Notebook

function Notebook:begin_run()
  return 1
end

function Notebook:begin_step()
  return 1
end

function Notebook:end_step(_, result)
  self.actor.said[#self.actor.said + 1] = result.message
end

function Notebook:call(call)
  self.actor.calls[#self.actor.calls + 1] = call
end

function Notebook:note(_, text)
  self.actor.said[#self.actor.said + 1] = text
end

-- What connections took is kept by no run of a world that lives for seconds.
function Notebook:device_times()
  return {}
end

function Notebook:end_run(_, result)
  self.actor.said[#self.actor.said + 1] = result.message
end

local MONITOR_TIME = 60 -- seconds, as the command has it
local limits = { stop = "stop_timeout" } -- every other command has the time of a start

local function budget(c, command, options)
  local vm = c.vm
  return options.timeout or vm[limits[command] or "start_timeout"] - vm.margin
end

-- The lock of a virtual machine on a node. It ends with whoever has it, however that ends.
local function take_lock(self, options)
  local locks = self.world.locks or {}
  local name = self.node .. "\0" .. self.vm
  self.world.locks = locks
  local wait, patience = run_lock.times(self.command, self.deadline, options.wait)
  return run_lock.take({
    command = self.command, vm = self.vm, wait = wait, patience = patience,
    now = scheduler.now, sleep = scheduler.sleep,
    try = function()
      local other = locks[name]
      if other and not other.task.done then
        return nil, { text = other.by, key = other, command = other.command }
      end
      locks[name] = self
      return self
    end,
    ask = function(holder)
      if not holder.key.task.done then
        holder.key:interrupt()
        return true
      end
      return false
    end,
    say = function(text)
      if self.listener then
        self.listener({ kind = "note", text = text })
      end
      self.said[#self.said + 1] = text
    end,
  })
end

-- The locks of devices on a node: each ends with the command that has it.
local function claims_of(self)
  self.world.claims = self.world.claims or {}
  return {
    take = function(id)
      local name = self.node .. "\0" .. id
      local other = self.world.claims[name]
      if other and other ~= self and not other.task.done then
        return nil, other.by
      end
      self.world.claims[name] = self
      return {
        release = function()
          self.world.claims[name] = nil
        end,
      }
    end,
  }
end

-- What a node keeps in its state directory outlives its runs. The text is the world's, not the
-- store's (quarantine.in_memory): a copy of the world has its own.
local function quarantine_of(world, node)
  local kept = world.quarantines or {}
  world.quarantines = kept
  return {
    read = function()
      return kept[node]
    end,
    change = function(fn)
      kept[node] = fn(kept[node])
    end,
  }
end

local function perform(self, options)
  local c = context.open({
    parameters = self.parameters, vm = self.vm, node = self.node, evidence = options.evidence,
    ecx = options.ecx or { event = options.event, disk = options.disk },
    natives = inprocess.natives(self.world, self),
    journal = options.journal or setmetatable({ actor = self }, Notebook),
    secret = function()
      return M.SECRET
    end,
    quarantine = quarantine_of(self.world, self.node), claims = claims_of(self),
    wall = function()
      return self.world:wall()
    end,
  })
  if self.command == "start" and options.event == "recover" then
    self.skipped = true
    return { state = "succeeded", steps = {}, changes = 0, undo = {}, warnings = {} }
  end
  local name = self.command == "plan" and (options.of or "start") or self.command
  local sequence = options.sequence or failover.load_sequence(options.sequence_file or name)
  if self.command == "monitor" then
    self.deadline = MONITOR_TIME
    return engine.monitor({ context = c, sequence = sequence, deadline = self.deadline })
  elseif self.command == "plan" then
    return engine.plan({ context = c, sequence = sequence })
  end
  self.deadline = budget(c, self.command, options)
  local _, waited = take_lock(self, options)
  return engine.run({
    sequence = sequence, context = c, command = self.command, remark = waited,
    deadline = self.deadline - (scheduler.now() - self.began), listener = self.listener,
  })
end

-- The exit code of a command that has ended.
local function code_of(self, ok, result)
  if not ok then
    return exit_codes.of_failure(failure.is(result) and result
      or failure.new({ code = "INTERNAL", message = tostring(result) }))
  elseif self.command == "monitor" then
    return exit_codes.of_monitor(result.answer, self.parameters.vms[self.vm])
  elseif self.command == "plan" then
    return exit_codes.ok
  end
  return exit_codes.of_result(result)
end

-- Tells the runs of one world apart in its log of changes.
local function name_of(world, node, command)
  world.actors = (world.actors or 0) + 1
  return string.format("%s %s #%d", node, command, world.actors)
end

-- Starts a command. options: event, evidence, disk, ecx, timeout, wait, sequence, sequence_file, of
-- (for plan: the name of the sequence), listener, faults (number of an outside call, or a
-- change as "eem PUT 1": its target, name and the how many-th of these -> a word of docs/scenarios:
-- "crash before", "lie", "empty", ...), kinds (true: run.kinds gets what each call is).
function M.start(world, parameters, command, vm, node, options)
  options = options or {}
  local self = setmetatable({
    world = world, parameters = parameters, command = command, vm = vm, node = node,
    listener = options.listener, said = {}, calls = {}, count = 0,
    faults = options.faults, made = options.faults and {}, kinds = options.kinds and {},
    by = name_of(world, node, command), began = scheduler.now(), secret = M.SECRET,
  }, Actor)
  self.before = require("lab.checks").snapshot(world, self)
  self.task = scheduler.spawn_family(function()
    local ok, result = loop.guard(perform, self, options)
    self.took = scheduler.now() - self.began
    world:advance()
    self.verdict = table.pack(require("lab.checks").judge(world, self, code_of(self, ok, result)))
    if not ok then
      error(result, 0)
    end
    return result
  end)
  self.task.actor = self
  self.task.family.actor = self
  return self
end

-- Waits for the end. Returns the exit code ("killed" when there was none) and the result.
function Actor:wait()
  local ok, result = scheduler.join(self.task)
  self.took = self.took or scheduler.now() - self.began
  if self.killed then
    return "killed", nil
  end
  if ok then
    self.result = result
  else
    self.failure = result
  end
  return code_of(self, ok, result), ok and result or nil
end

-- In the middle of this command somebody stops the same virtual machine on the same node.
function Actor:meet_stop()
  self.rival = self.rival or M.start(self.world, self.parameters, "stop", self.vm, self.node)
end

-- kill -9.
function Actor:kill()
  if not self.task.done then
    self.killed = true
    scheduler.abandon(self.task)
  end
end

-- SIGTERM.
function Actor:interrupt()
  scheduler.cancel(self.task, failure.new({ code = "CANCELLED", message = "stopped by SIGTERM" }))
end

return M
