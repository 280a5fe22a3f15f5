-- A recorded run as part of a story: takeover replay --export writes such stories.
local json = require("json")
local replay = require("lab.replay")

local M = {}

local known = { sequence_file = true }

-- A file is named as seen from the scenario.
local function beside(path, file)
  if file:find("^[/\\]") or file:find("^%a:") then
    return file
  end
  return (path:match("^(.*[/\\])") or "") .. file
end

local function read(story, path)
  local ok, text = pcall(require("fs").read, path)
  if not ok then
    story:complain("the record cannot be read: %s", tostring(text))
  end
  local fine, record = pcall(json.decode, text)
  if not fine or type(record) ~= "table" or not record.run then
    story:complain("%s is no record of a run", path)
  end
  local obstacle = replay.obstacle(record)
  if obstacle then
    story:complain("%s cannot be replayed: %s", path, obstacle)
  end
  return record
end

-- What `expect` looks at.
local function ended_run(record, played)
  local run = record.run
  local result = played.result or { steps = played.steps, warnings = {}, changes = 0 }
  return {
    command = run.command, vm = run.vm, node = run.node, exit = played.exit, result = result,
    failure = result.failure, changes = result.changes, took = played.took, ended = true,
    actor = { said = played.said },
    wait = function(self)
      return self
    end,
  }
end

-- options: sequence_file (instead of the sequence in use now). Gives an ended run.
function M.play(story, file, options)
  options = options or {}
  for key in pairs(options) do
    if not known[key] then
      story:complain("recorded has no option %q", tostring(key))
    end
  end
  local record = read(story, beside(story.path, file))
  local run = record.run
  story:tell("%-4s %s %s, recorded", run.node, run.command, run.vm)
  local began, teller = story.began, { node = run.node, by = run.node .. " " .. run.command }
  story.began = run.arguments.recording.began
  local sequence = options.sequence_file
    and require("failover").load_sequence(beside(story.path, options.sequence_file))
  local played = replay.play(record, {
    sequence = sequence,
    listener = function(event)
      story:on_event(teller, event)
    end,
  })
  story.began = began
  if played.difference then
    story:complain("after %.2f s %s", played.difference.at, played.difference.text)
  end
  local ended = ended_run(record, played)
  story:tell("%-4s %s %s: %s%s", run.node, run.command, run.vm, ended.exit,
    ended.failure and ": " .. tostring(ended.failure) or "")
  return ended
end

return M
