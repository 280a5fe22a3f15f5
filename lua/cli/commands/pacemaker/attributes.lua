-- takeover pacemaker attributes: whether each virtual machine could have its devices on this node,
-- as node attributes of Pacemaker. The cloned agent ocf:takeover:devices runs it.
local config = require("cli.commands.pacemaker.config")
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local loop = require("loop")
local output = require("cli.output")
local process = require("process")
local schema = require("failover.parameters.schema")
local session = require("cli.session")

local M = {}

local ATTRD_TIMEOUT = 10 -- seconds

function M.define(command, cli)
  command:description([[
Asks for each machine of the parameters whether a start on this node would find its devices
now, by the rules of `takeover gpu explain`, and tells Pacemaker: the node attribute takeover-NAME
is 1 or 0, and takeover-NAME-why the reason for 0. Where it cannot be told (ExpEther Manager or a
host does not answer) the attribute stays. --print sets nothing.]])
  command:epilog(cli.exit_codes({ "ok", "unknown", "configuration", "failed" })
    .. "\n\nExample:\n  takeover pacemaker attributes --print")
  command:flag("--print", "Print them, set nothing")
end

-- 1 and nil, 0 and why; nil and why where it cannot be told.
local function judge(s, name)
  local vm = s.parameters.vms[name]
  for i, node in ipairs(vm.nodes or {}) do
    if node == s:node() then
      break
    elseif i == #vm.nodes then
      return 0, "NODE_NOT_ALLOWED: nodes of " .. name .. " does not name " .. s:node()
    end
  end
  local c = s:context(name)
  local ok, choice, rejection = loop.guard(function()
    local found = require("failover.vm.state").registered(c)
    if found and require("failover.safety.evidence").is_active(found) then
      return {} -- it runs here: what it has is no reason to move it
    end
    return require("failover.devices.selection").choose(c)
  end)
  c:close()
  if ok and choice then
    return 1
  elseif ok then
    return 0, rejection.text
  end
  local why = failure.is(choice) and choice.code .. ": " .. choice.message or tostring(choice)
  if failure.is(choice) and (choice.code == "NO_DEVICE" or choice.code == "HELD_BY") then
    return 0, why
  end
  return nil, why
end

local function set(name, value)
  local result = process.run({
    "attrd_updater", "--name", name, "--update", tostring(value), timeout = ATTRD_TIMEOUT,
  })
  if result.code ~= 0 then
    failure.raise({
      code = "PROCESS_FAILED", target = name,
      message = ("attrd_updater ended with %s: %s"):format(tostring(result.code), result.stderr),
      hint = "does Pacemaker run on this node? crm_mon -1",
    })
  end
end

function M.run(arguments, program)
  local s = session.open(arguments, program)
  local list, unknown = {}, false
  for i, name in ipairs(schema.sorted_keys(s.parameters.vms)) do
    local value, why = judge(s, name)
    list[i] = { vm = name, attribute = config.attribute_of(name), value = value, why = why }
    unknown = unknown or value == nil
    output.line("%s %s%s", list[i].attribute, value or "unchanged", why and "  " .. why or "")
    if value and not arguments.print then
      set(list[i].attribute, value)
      set(list[i].attribute .. "-why", why or "ok")
    end
  end
  local code = unknown and exit_codes.unknown or exit_codes.ok
  output.document({
    command = "pacemaker attributes", node = s:node(), exit_code = code,
    attributes = require("json").array(list),
  })
  return code
end

return M
