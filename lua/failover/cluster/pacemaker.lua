-- Pacemaker: what crm_mon on this node says of another one, and stopping a resource by
-- crm_resource. Forms of its output: docs/facts/pacemaker.md#4.
local failure = require("failure")
local process = require("process")
local xml = require("xml")

local M = {}

local LOOK_TIMEOUT = 10 -- seconds
local STOP_TIMEOUT = 3600

local Pacemaker = {}
Pacemaker.__index = Pacemaker

local function run(timeout, ...)
  local ok, result = require("loop").guard(process.run, { timeout = timeout, ... })
  return ok and result or nil
end

-- Has Pacemaker stop a resource or group, and waits until it is stopped.
function Pacemaker.stop_group(_, group)
  local result = run(STOP_TIMEOUT, "crm_resource", "--resource", group, "--set-parameter",
    "target-role", "--meta", "--parameter-value", "Stopped")
  if not result then
    return false
  elseif result.code == 0 then
    result = run(STOP_TIMEOUT, "crm_resource", "--wait") or result
  end
  if result.code ~= 0 then
    failure.raise({
      code = "CLUSTER_FAILED", target = group,
      message = ("crm_resource could not stop %s: %s"):format(group, result.stderr),
      hint = "crm_mon -1 shows why",
    })
  end
  return true
end

local function find(element, name)
  for _, child in ipairs(element) do
    if child.name == name then
      return child
    end
  end
end

-- When the node was fenced last with success; nil where the history has none.
local function fenced_at(document, name)
  for _, event in ipairs(find(document, "fence_history") or {}) do
    local a = event.attributes
    if a.target == name and a.status == "success" then
      return a.completed
    end
  end
end

local STATES = { "unclean", "pending", "standby" }

-- What the XML of crm_mon says of a node: see failover.cluster.
---@param text string
---@param name string
function M.read(text, name)
  local document = xml.parse(text, { bytes = "4MiB" })
  local summary = find(document, "summary")
  local options = summary and find(summary, "cluster_options")
  local dc = summary and find(summary, "current_dc")
  local fencing = options and options.attributes["stonith-enabled"] == "true"
  local maintenance = not options or options.attributes["maintenance-mode"] ~= "false"
  local quorum = dc and dc.attributes.with_quorum == "true"
  for _, node in ipairs(find(document, "nodes") or {}) do
    local a = node.attributes
    if a.name and a.name:lower() == name:lower() then
      local words = { a.online == "true" and "online" or "offline" }
      for _, state in ipairs(STATES) do
        words[#words + 1] = a[state] == "true" and state or nil
      end
      -- What is missing in the answer is not so: only a plain "false" is a "no".
      local gone = a.online == "false" and a.unclean == "false" and a.pending == "false"
      local at = fenced_at(document, a.name)
      local says = ("Pacemaker shows %s %s%s"):format(a.name, table.concat(words, ", "),
        at and ", fenced " .. at or "")
      if gone and not fencing then
        says = says .. ", but stonith-enabled is not true, so that this proves nothing"
      elseif gone and not quorum then
        says = says .. ", but this side has no quorum, so that this proves nothing"
      elseif gone and maintenance and not at then
        says = says .. ", but it may have left in maintenance mode with its machines running"
      end
      local certain = fencing and quorum and (at ~= nil or not maintenance)
      return { down = gone and certain or false, says = says }
    end
  end
  return { down = false, says = "Pacemaker knows no node " .. name }
end

function Pacemaker.peer(_, name)
  local result = run(LOOK_TIMEOUT, "crm_mon", "-1", "--output-as=xml")
  if not result or result.code ~= 0 then
    return { down = false, says = "crm_mon does not answer: Pacemaker says nothing of " .. name }
  end
  local ok, answer = require("loop").guard(M.read, result.stdout, name)
  return ok and answer
    or { down = false, says = "crm_mon's answer is not understood: " .. tostring(answer) }
end

function Pacemaker:close() end -- luacheck: ignore 212

function M.open()
  return setmetatable({}, Pacemaker)
end

return M
