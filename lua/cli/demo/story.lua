-- The demo's story, told scene by scene, and what the simulated cluster itself says at the end of
-- each.
local exit_codes = require("core.exit_codes")
local loop = require("loop")
local output = require("cli.output")
local scheduler = require("core.scheduler")

local M = {}

local VM, DEVICE = "vme2", "0x8cdf9d911c60"
local GROUPS = { ms1 = 50, ms2 = 150 }
local LOOK_EVERY, LOOK_MOST = 0.02, 30 -- seconds

---- what is true ----------------------------------------------------------------------------------

local function find(list, key, value)
  for _, entry in ipairs(list) do
    if entry[key] == value then
      return entry
    end
  end
end

-- What matters of the lab's truth.
---@return table with running, booted, gpu, devices, group_id, link, holder, violations, nodes
local function look(lab)
  local truth = lab:truth()
  local vm, device = find(truth.vms, "name", VM), find(truth.devices, "id", DEVICE)
  local holder
  for name, group_id in pairs(GROUPS) do
    holder = device.group_id == group_id and name or holder
  end
  return {
    running = vm.running, booted = vm.booted or false, gpu = vm.gpu, devices = vm.devices,
    registered = vm.registered, group_id = device.group_id, link = device.link, holder = holder,
    violations = truth.violations, nodes = truth.nodes,
  }
end

-- Where the virtual machine runs, who has the GPU, and what else is worth a word.
local function in_words(now)
  local vm = "runs nowhere"
  if #now.running > 0 then
    vm = table.concat(now.running, " AND ") .. (now.gpu and ", sees its GPU"
      or now.booted and ", WITHOUT GPU" or ", booting")
  end
  local gpu = now.holder and ("%s, link %s"):format(now.holder, now.link) or "free"
  local rest = {}
  for _, node in ipairs(now.nodes) do
    if not node.up then
      rest[#rest + 1] = node.name .. " is down"
    end
  end
  if #now.violations > 0 then
    rest[#rest + 1] = #now.violations .. " RULES BROKEN"
  end
  return vm, gpu, table.concat(rest, ", ")
end

-- Does it run on exactly this node, booted, with the device that EEM moved?
local function runs_on(node)
  return function(now)
    return #now.running == 1 and now.running[1] == node and now.booted and now.gpu
      and now.devices[1] == DEVICE and now.group_id == GROUPS[node]
  end
end

local function runs_nowhere(now)
  return #now.running == 0
end

local function held_by(node)
  return function(now)
    return #now.running == 0 and now.holder == node
  end
end

---- scenes ----------------------------------------------------------------------------------------

-- A command that is expected to succeed and to leave the world so.
local function play(title, node, arguments, env, holds)
  return {
    title = title,
    run = function(stage)
      return stage:finish(stage:start(arguments, node, env))
    end,
    code = 0, holds = holds,
  }
end

-- What EXPRESSCLUSTER or the lab's administrator does between the commands.
local function event(title, run)
  return { title = title, run = run }
end

local function disk_to(node)
  return event("ECX moves the shared disk to " .. node, function(stage)
    stage.lab:give_disk(node)
  end)
end

local function wait_for(stage, holds, why)
  local began = loop.now()
  while not holds(look(stage.lab)) do
    if loop.now() - began > LOOK_MOST then
      error("waited in vain until " .. why, 0)
    end
    scheduler.sleep(LOOK_EVERY)
  end
end

-- ms1 starts the virtual machine, and loses power as soon as the GPU is connected to it.
local power_loss = {
  title = "start on ms1: power lost once the GPU is there",
  run = function(stage)
    local child = stage:start({ "start", VM }, "ms1", { CLP_EVENT = "START" })
    wait_for(stage, held_by("ms1"), "the GPU was connected to ms1")
    child.process:kill("KILL")
    stage.lab:power("ms1", "off")
    return stage:finish(child)
  end,
  killed = true, holds = held_by("ms1"),
}

local function node_up(name)
  return function(now)
    return find(now.nodes, "name", name).up
  end
end

local START, FAILOVER = { CLP_EVENT = "START" }, { CLP_EVENT = "FAILOVER" }
local RECOVER = { CLP_EVENT = "RECOVER" }
local MOVE = { CLP_EVENT = "START", CLP_FACTOR = "GROUPMOVE" }

local scenes = {
  play("prepare ms1, once", "ms1", { "prepare", VM }, nil, runs_nowhere),
  play("prepare ms2, once", "ms2", { "prepare", VM }, nil, runs_nowhere),
  play("start on ms1", "ms1", { "start", VM }, START, runs_on("ms1")),
  play("monitor on ms1", "ms1", { "monitor", VM }, nil, runs_on("ms1")),
  play("planned move: stop on ms1", "ms1", { "stop", VM }, MOVE, runs_nowhere),
  disk_to("ms2"),
  play("planned move: start on ms2", "ms2", { "start", VM }, START, runs_on("ms2")),
  play("monitor on ms2", "ms2", { "monitor", VM }, nil, runs_on("ms2")),
  play("move back: stop on ms2", "ms2", { "stop", VM }, MOVE, runs_nowhere),
  disk_to("ms1"),
  play("move back: start on ms1", "ms1", { "start", VM }, START, runs_on("ms1")),
  play("restart: stop on ms1", "ms1", { "stop", VM }, MOVE, runs_nowhere),
  power_loss,
  disk_to("ms2"),
  play("failover: start on ms2", "ms2", { "start", VM }, FAILOVER, runs_on("ms2")),
  play("monitor on ms2", "ms2", { "monitor", VM }, nil, runs_on("ms2")),
  play("who has what: gpu list", "ms2", { "gpu", "list" }, nil, runs_on("ms2")),
  event("ms1 has power again and boots", function(stage)
    stage.lab:power("ms1", "on")
    wait_for(stage, node_up("ms1"), "ms1 was up")
  end),
  play("ms1 is back: start with CLP_EVENT=RECOVER", "ms1", { "start", VM }, RECOVER,
    runs_on("ms2")),
  play("ms1 is back: recover", "ms1", { "recover", VM }, nil, runs_on("ms2")),
  play("monitor on ms2", "ms2", { "monitor", VM }, nil, runs_on("ms2")),
}

-- Plays one scene. Gives its row, and what went wrong in words.
local function play_scene(stage, scene, number)
  output.block(output.paint(("\n%d. %s"):format(number, scene.title), "bold"))
  local began = loop.now()
  local result = scene.run(stage) or {}
  local took = result.took or loop.now() - began
  local now = look(stage.lab)
  local wrong
  if scene.code and result.code ~= scene.code then
    wrong = ("exit code %s (%s) instead of %d"):format(tostring(result.code),
      tostring(exit_codes.name(result.code)), scene.code)
  elseif scene.killed and not result.signal then
    wrong = "the command ended before it could be killed"
  elseif scene.holds and not scene.holds(now) then
    wrong = "the lab says otherwise"
  elseif #now.violations > 0 then
    wrong = now.violations[1].id .. ": " .. now.violations[1].text
  end
  local vm, gpu, rest = in_words(now)
  output.line("  %s %s: %s; GPU: %s%s", output.paint("the cluster says", "blue"), VM, vm, gpu,
    rest ~= "" and "; " .. rest or "")
  if wrong then
    output.complain("  " .. output.paint("not as it should be: ", "red") .. wrong)
  end
  return {
    number = number, title = scene.title, took = took, exit_code = result.code,
    signal = result.signal, ok = not wrong, wrong = wrong,
    truth = { vm = vm, gpu = gpu, rest = rest },
  }
end

local function show_table(rows)
  local cells = {}
  for i, row in ipairs(rows) do
    cells[i] = {
      row.number, row.title, output.duration(row.took),
      row.exit_code and tostring(row.exit_code) or row.signal and "killed" or "-",
      row.ok and "ok" or "WRONG", row.truth.vm, row.truth.gpu, row.truth.rest,
    }
  end
  output.line("")
  local header = {
    "", "what happened", "took", "exit", "", "the cluster says: " .. VM, "GPU", "",
  }
  output.table(header, cells, {
      colours = {
        [5] = function(cell)
          return cell == "ok" and "green" or "red"
        end,
      },
    })
end

-- The invariants of the design, as the lab itself answers them at the end.
local function verdict(lab)
  local now = look(lab)
  local checks = {
    { "I1 the GPU is held by one node, the one that uses it", now.group_id == GROUPS.ms2 },
    { "I2 the virtual machine runs on exactly one node", #now.running == 1 },
    { "I3 every device is accounted for, and no rule was ever broken", #now.violations == 0 },
    { "I4 it runs on ms2 with heartbeat and sees the GPU that was moved", runs_on("ms2")(now) },
  }
  local all = true
  output.line("")
  for _, check in ipairs(checks) do
    all = all and check[2]
    output.line("  %s %s", check[2] and output.paint("yes", "green") or output.paint("NO ", "red"),
      check[1])
  end
  return all, now
end

local function perform(stage, arguments)
  local rows, ok = {}, true
  local began = loop.now()
  output.line("The simulated cluster: servers ms1 and ms2, one GPU in an I/O box, the virtual "
    .. "machine " .. VM .. " on a shared disk.")
  output.line("Every command below is a process of its own and talks HTTP to it.")
  for i, scene in ipairs(scenes) do
    rows[i] = play_scene(stage, scene, i)
    if not rows[i].ok then
      ok = false
      break
    end
  end
  show_table(rows)
  local all, now = verdict(stage.lab)
  ok = ok and all
  local took = loop.now() - began
  output.line("\n%s in %s", ok and output.paint("All as it should be", "green")
    or output.paint("NOT as it should be", "red"), output.duration(took))
  if arguments.keep then
    output.line("kept: %s", stage.directory)
  end
  output.document({
    command = "demo", ok = ok, took = took, scenes = rows,
    truth = { running = now.running, holder = now.holder, violations = now.violations },
    directory = stage.directory, kept = arguments.keep or false, lab = stage.addresses,
  })
  return ok and exit_codes.ok or exit_codes.failed
end

function M.run(arguments, program)
  loop.catch_signals()
  local stage = require("cli.demo.stage").open(program, arguments.speed)
  local ok, result = loop.guard(perform, stage, arguments)
  loop.cancel(false)
  local cleaned, why = scheduler.shielded(stage.close, stage, arguments.keep)
  if not cleaned then
    output.complain(("%s could not be removed: %s"):format(stage.directory, tostring(why)))
  end
  if not ok then
    error(result, 0)
  end
  return result
end

return M
