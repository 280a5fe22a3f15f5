-- The words of a scenario; docs/scenarios.md describes each. Everything else that Lua has is there,
-- too.
local drain = require("lab.story.drain")
local ecx = require("lab.story.ecx")
local expected = require("lab.story.expected")
local inventory = require("lab.story.inventory")
local run = require("lab.story.run")
local scheduler = require("core.scheduler")

local M = {}

local COMMANDS = { "start", "stop", "monitor", "prepare", "recover", "plan" }

-- EnabledState that RequestStateChange wants (docs/facts/hyperv-wmi.md#1.2).
local HAND = { start = 2, ["turn off"] = 3, save = 6, pause = 9, reset = 11 }

local function command_words(story, v)
  for _, command in ipairs(COMMANDS) do
    v[command] = function(vm, node, options)
      return run.launch(story, command, vm, node, options):wait()
    end
  end
  -- Starts a command and goes on with the story.
  function v.launch(command, vm, node, options)
    return run.launch(story, command, vm, node, options)
  end
  -- kill -9 of a command.
  function v.crash(command)
    command:kill()
  end
  -- SIGTERM.
  function v.interrupt(command)
    command:interrupt()
  end
end

local function time_words(story, v)
  function v.wait(seconds)
    scheduler.sleep(seconds)
    story.world:advance()
    story:check_world()
  end
  -- In so many seconds from now.
  function v.at(seconds, action)
    scheduler.spawn(function()
      scheduler.sleep(seconds)
      story.world:advance()
      story:act(action)
    end)
  end
  -- When a call or the end of a step matches; once, or `times` times.
  function v.when(pattern, action)
    story:add_trigger(pattern, action)
  end
end

local function happening_words(story, v)
  -- Does what the world's administrator does; what the world refuses is a mistake of the scenario.
  local function admin(verb, arguments)
    local ok, result = pcall(story.world.admin, story.world, verb, arguments or {})
    if not ok then
      story:complain("%s: %s", verb, tostring(result))
    end
    return result
  end
  -- Power loss: the node, its virtual machines and every command on it.
  function v.kill(node)
    story:tell("%-4s loses power", node)
    for _, command in ipairs(story.runs) do
      if command.node == node and not command.ended then
        command.actor:kill()
      end
    end
    admin("kill", { node = node })
  end
  function v.boot(node)
    story:tell("%-4s gets power", node)
    admin("boot", { node = node })
    scheduler.sleep(story.world.latency.node_boot + 1)
    story.world:advance()
  end
  -- Nobody reaches the node's management service; the node and its machines go on. Gives an id for
  -- heal.
  function v.partition(node)
    story:tell("%-4s is cut off", node)
    return story.world.faults:add({ target = node, match = {}, effect = "silence" })
  end
  -- The lists of a node, or of "eem", lack the row of a virtual machine or device from now on.
  -- Gives an id for heal.
  function v.forget(name, target)
    story:tell("     %s is missing in the lists of %s", name, target)
    return admin("add fault", { target = target, effect = "short", rows = { name } }).id
  end
  -- A registration is shown in a state that it is not in: { enabled_state =, health_state =,
  -- operational_status = { } }, numbers as WMI has them; none: as it is.
  function v.shows(vm, node, state)
    story:tell("%-4s shows %s%s", node, vm, state and " in another state" or " as it is")
    local arguments = { vm = vm, node = node }
    for name, value in pairs(state or {}) do
      arguments[name] = value
    end
    admin("shows", arguments)
  end
  -- Under a node's address another one answers from now on; no other: the node itself again.
  function v.answers_as(node, other)
    story:tell("%-4s answers as %s", node, other or "itself")
    admin("answers as", { node = node, as = other })
  end
  function v.move_disk(node, disk)
    story:tell("     disk %s goes to %s", disk or "G:", node or "nobody")
    admin("move disk", { disk = disk or "G:", node = node })
  end
  -- A rule of docs/lab.md, Faults. Gives an id for heal.
  function v.fault(rule)
    story:tell("     fault: %s on %s", tostring(rule.effect), tostring(rule.target))
    return admin("add fault", rule).id
  end
  -- Ends one fault or partition, or all of them.
  function v.heal(id)
    story:tell(id and "     a fault ends" or "     faults end")
    admin(id and "remove fault" or "clear faults", { id = id })
  end
  -- Whatever else an administrator or an accident does (docs/lab.md, administrator's verbs).
  function v.admin(verb, arguments)
    story:tell("     %s", verb)
    return admin(verb, arguments)
  end
  -- In Hyper-V Manager on a node: "start", "turn off", "save", "pause", "reset".
  function v.by_hand(verb, vm, node)
    story:tell("%-4s somebody does by hand: %s %s", node, verb, vm)
    local number = HAND[verb] or story:complain("by_hand knows no %q", tostring(verb))
    local hyperv = story.world:node(node).hyperv
    for _, known in ipairs(story.world.vm_list) do
      if known.name == vm then
        story.world.by = "administrator"
        local code = hyperv:request_state(known.id, number)
        if code ~= 0 and code ~= 4096 then
          story:complain("%s of %s on %s is refused (%d)", verb, vm, node, code)
        end
        return
      end
    end
    story:complain("there is no virtual machine %s", tostring(vm))
  end
end

-- The environment of a scenario file.
function M.new(story)
  local v = expected.words(story)
  -- The first thing of a file: its sentence.
  function v.story(text)
    story.title = text
  end
  function v.cluster(options)
    if rawget(story, "world") then
      story:complain("cluster comes before everything that happens")
    end
    story:make_cluster(options)
  end
  command_words(story, v)
  time_words(story, v)
  happening_words(story, v)
  ecx.add(story, v)
  drain.add(story, v)
  inventory.add(story, v)
  -- Plays a run that `takeover replay --export` has written down. The first thing that the sequence
  -- does differently now ends the story.
  function v.recorded(file, options)
    return require("lab.story.recorded").play(story, file, options)
  end
  function v.truth()
    return story.world:truth()
  end
  function v.world()
    return story.world
  end
  -- What was read of parameters.lua, to be edited between two commands.
  function v.parameters()
    return story.parameters
  end
  -- The story is about a broken rule of this id, which is not Takeover's doing.
  function v.allow(id)
    story.allowed[id] = true
  end
  function v.fail(...)
    story:complain(...)
  end
  return setmetatable({}, {
    __index = function(_, name)
      local word = v[name]
      if word == nil then
        word = rawget(_G, name)
      end
      if word == nil then
        error("a story has no word '" .. tostring(name) .. "'", 2)
      end
      return word
    end,
    __newindex = function(_, name)
      error("'" .. tostring(name) .. "' needs a 'local' before it", 2)
    end,
  })
end

return M
