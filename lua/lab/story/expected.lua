-- What a story may expect: of a command that has ended (the fields of `expect`), and of the world.
local exit_codes = require("core.exit_codes")
local verdict = require("failover.engine.verdict")

local M = {}

-- Everything that a command said: its failure, its remarks and warnings, monitor's reasons.
local function said(run)
  local texts = { tostring(run.failure) }
  table.move(run.actor.said, 1, #run.actor.said, #texts + 1, texts)
  for _, key in ipairs({ "reasons", "warnings" }) do
    local list = run.result and run.result[key] or {}
    table.move(list, 1, #list, #texts + 1, texts)
  end
  return table.concat(texts, "\n")
end

-- What the terminal, EXPRESSCLUSTER's log and the Event Log say of a command that failed.
local function verdict_of(run)
  if not run.failure then
    return "it did not fail"
  end
  local result = run.result or { state = "failed", failure = run.failure }
  return verdict.line(run, result, exit_codes[run.exit])
end
M.verdict_of = verdict_of

local function step_named(list, name)
  for _, step in ipairs(list or {}) do
    if step.name == name then
      return step
    end
  end
end

local function failed_step(run)
  for _, step in ipairs(run.result and run.result.steps or {}) do
    if step.state == "failed" then
      return step.name
    end
  end
  return "none"
end

-- Each: fn(run, wanted) -> fits, got
M.of_run = {
  exit = function(run, wanted)
    return run.exit == wanted, tostring(run.exit) .. (run.failure and " (" .. tostring(run.failure)
      .. ")" or "")
  end,
  code = function(run, wanted)
    local code = run.failure and run.failure.code or "none"
    return code == wanted, code
  end,
  says = function(run, wanted)
    local text = said(run)
    return text:find(wanted, 1, true) ~= nil, text
  end,
  never_says = function(run, unwanted)
    local text = said(run)
    return text:find(unwanted, 1, true) == nil, text
  end,
  -- a text, or a list of them
  verdict = function(run, wanted)
    local text = verdict_of(run)
    for _, piece in ipairs(type(wanted) == "table" and wanted or { wanted }) do
      if not text:find(piece, 1, true) then
        return false, text
      end
    end
    return true
  end,
  where = function(run, wanted)
    local text = tostring(run.failure)
    return text:find(wanted, 1, true) ~= nil, text
  end,
  failed_at = function(run, wanted)
    local name = failed_step(run)
    return name == wanted, name
  end,
  -- { ["VM off"] = "already", ["GPU driver disabled on this node"] = "done" }
  steps = function(run, wanted)
    for name, state in pairs(wanted) do
      local step = step_named(run.result and run.result.steps, name)
      if (step and step.state) ~= state then
        return false, string.format("%q: %s", name, step and step.state or "no such step")
      end
    end
    return true
  end,
  undone = function(run, wanted)
    return run.result ~= nil and run.result.undone == wanted, tostring(run.result
      and run.result.undone)
  end,
  changes = function(run, wanted)
    return run.changes == wanted, run.changes
  end,
  at_most = function(run, wanted)
    return run.changes <= wanted, run.changes .. " changes"
  end,
  within = function(run, wanted)
    return run.took <= wanted, string.format("%.2f s", run.took)
  end,
  longer_than = function(run, wanted)
    return run.took >= wanted, string.format("%.2f s", run.took)
  end,
  warnings = function(run, wanted)
    return #run.result.warnings == wanted, table.concat(run.result.warnings, "; ")
  end,
}

-- A run made exactly the steps that a plan named: what the plan called "already" was so, all else
-- was not and is now. A fact behind one that did not hold yet may become true by that one; the
-- first that does not hold must have been made. Gives nil, or what differs.
function M.difference_to_plan(plan, run)
  for _, step in ipairs(run.result.steps) do
    local entry = step_named(plan, step.name)
    if not entry then
      return string.format("%q was not planned at all", step.name)
    elseif step.state == "done" and entry.state == "already"
      or step.state == "already" and entry.state == "would" and entry.certain then
      return string.format("%q was planned as %q, and is %q", step.name, entry.state, step.state)
    end
  end
  for _, entry in ipairs(plan) do
    if not step_named(run.result.steps, entry.name) then
      return string.format("%q was planned as %q, and was never reached", entry.name, entry.state)
    end
  end
end

-- Marks what a plan can be sure of: the first fact that does not hold, in each branch.
local function mark_certain(plan)
  local unsure, any = {}, false
  for _, entry in ipairs(plan) do
    local branch = entry.branch or "main"
    entry.certain = not unsure[branch] and not unsure.main and (branch ~= "main" or not any)
    if entry.state ~= "already" then
      unsure[branch], any = true, true
    end
  end
end

-- Words about the world. Each `expect_...` complains with the scenario's line.
function M.words(story)
  local w = {}

  local function vm_of(name)
    for _, vm in ipairs(story.world:truth().vms) do
      if vm.name == name then
        return vm
      end
    end
    story:complain("there is no virtual machine %s", tostring(name))
  end

  local function device_of(id)
    for _, device in ipairs(story.world:truth().devices) do
      if device.id == id then
        return device
      end
    end
    story:complain("there is no device %s", tostring(id))
  end

  function w.expect(run, wanted)
    run:wait()
    local keys = {}
    for key in pairs(wanted) do
      if not M.of_run[key] then
        story:complain("expect has no field %q", tostring(key))
      end
      keys[#keys + 1] = key
    end
    table.sort(keys)
    for _, key in ipairs(keys) do
      local value = wanted[key]
      local fits, got = M.of_run[key](run, value)
      if not fits then
        story:complain("%s on %s: expected %s = %s, got %s", run.command, run.node, key,
          tostring(value), tostring(got))
      end
    end
  end

  -- node nil: it runs nowhere. more: { gpu = false }: it runs without its GPU
  function w.expect_running(vm, node, more)
    local truth = vm_of(vm)
    if table.concat(truth.running, ",") ~= (node or "") then
      story:complain("expected %s to run on %s, it runs on %s", vm, node or "no node",
        truth.running[1] and table.concat(truth.running, ", ") or "no node")
    end
    if node and not (more and more.gpu == false) and not truth.gpu then
      story:complain("%s runs on %s without its GPU", vm, node)
    end
  end

  local function on_nodes(what, vm, got, wanted)
    if table.concat(got, ",") ~= table.concat(wanted, ",") then
      story:complain("expected %s to be %s on [%s], it is on [%s]", vm, what,
        table.concat(wanted, ","), table.concat(got, ","))
    end
  end

  function w.expect_registered(vm, ...)
    local names = {}
    for i, entry in ipairs(vm_of(vm).registered) do
      names[i] = entry.node
    end
    on_nodes("registered", vm, names, { ... })
  end

  function w.expect_planned(vm, ...)
    on_nodes("half imported", vm, vm_of(vm).planned, { ... })
  end

  -- where: a node (linked to its board), or "free", "held", "quarantined", "missing", "unaccounted"
  function w.expect_device(id, where)
    local device = device_of(id)
    local is = device.node or device.state
    if is ~= where then
      story:complain("expected device %s at %s, it is at %s", id, where, is)
    end
  end

  -- On its disk, whichever node has that.
  function w.expect_file(path, there)
    local disk = story.world.disks[path:sub(1, 1):upper()]
    local found = disk ~= nil and disk.entries[path:lower()] ~= nil
    if found ~= (there ~= false) then
      story:complain("%s is %s", path, found and "there" or "not there")
    end
  end

  -- How many changes of the world there have been.
  function w.changes()
    return #story.world.invariants.changes
  end

  -- How often the world was changed in this way, by its own word: "import", "assign", "set group".
  function w.expect_made(verb, times)
    local count = 0
    for _, change in ipairs(story.world.invariants.changes) do
      count = count + (change.verb == verb and 1 or 0)
    end
    if count ~= times then
      story:complain("expected %q to have been done %d times, it was %d times", verb, times, count)
    end
  end

  function w.expect_unchanged(since)
    local list = story.world.invariants.changes
    if #list ~= since then
      local change = list[since + 1]
      story:complain("something was changed: %s on %s by %s", change.verb, change.where, change.by)
    end
  end

  -- The run made exactly the steps that the plan said it would.
  function w.expect_as_planned(plan, run)
    plan:wait()
    run:wait()
    mark_certain(plan.result)
    local difference = M.difference_to_plan(plan.result, run)
    if difference then
      story:complain("the plan was not honest: %s", difference)
    end
  end

  return w
end

return M
