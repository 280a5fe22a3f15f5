-- What `takeover check` examines of one virtual machine: its files, state and settings, its GPUs,
-- and every fact that a start would ask. Each adds lines to the report (cli/commands/check.lua).
local failure = require("failure")
local needs = require("failover.vm.requirements")
local output = require("cli.output")
local problem_codes = require("failover.devices.problem_codes")
local requests = require("failover.parameters.requests")
local verdict = require("failover.engine.verdict")

local M = {}

local function check_files(report, c)
  report:try("VM files", function()
    local definition, why = require("failover.vm.files").definition(c)
    if not definition then
      return why, "right when the shared disk is on another node now", "warn"
    end
    return definition.path
  end)
end

local function wrong_settings(settings, vm)
  local wrong = {}
  if settings.stop_action ~= "turn off" then
    wrong[#wrong + 1] = "stop action is " .. settings.stop_action
  end
  if settings.start_action ~= "none" then
    wrong[#wrong + 1] = "start action is " .. settings.start_action
  end
  if settings.cache_types == false then
    wrong[#wrong + 1] = "guest controlled cache types are off"
  end
  for _, key in ipairs({ "low", "high" }) do
    local now = settings[key .. "_mmio"]
    if vm.mmio[key] and now ~= vm.mmio[key] then
      wrong[#wrong + 1] = ("%s MMIO is %s, not %s"):format(key, tostring(now), vm.mmio[key])
    end
  end
  return wrong
end

-- A machine with a device is on or off: start takes no other state for one to begin with.
local function check_state(report, vm)
  local name = vm.name:gsub("'", "''")
  if vm.state == "saved" then
    report:add("fail", "VM state", vm.name .. " stands saved, and a start needs it off",
      ("start it by hand and shut it down, or drop what it has in memory: Remove-VMSavedState "
        .. "-VMName '%s'"):format(name))
  elseif vm.state == "paused" then
    report:add("fail", "VM state", vm.name .. " is paused",
      ("Resume-VM -Name '%s'; Hyper-V pauses a machine whose disk is full"):format(name))
  end
end

local function check_checkpoints(report, c, vm)
  local count = require("failover.vm.files").checkpoints(c)
  if count > 0 and c.vm.unregister_on_stop then
    report:add("warn", "checkpoints", ("%s has %d: stop leaves it registered here, because Hyper-V "
      .. "would delete their configuration"):format(vm.name, count),
      ("Get-VMSnapshot -VMName '%s' | Remove-VMSnapshot"):format((vm.name:gsub("'", "''"))))
  end
end

local function check_settings(report, c)
  report:try("VM settings", function()
    local vm = require("failover.vm.state").registered(c)
    if not vm then
      return c.vm_name .. " is not registered here", "start registers it and sets what is missing"
    end
    check_state(report, vm)
    check_checkpoints(report, c, vm)
    if vm.state == "critical" then
      return vm.name .. " is registered here, and its files are not reachable",
        "right when the shared disk is on another node now", "warn"
    end
    local settings = c.hyperv:settings(vm)
    local wrong = wrong_settings(settings, c.vm)
    for _, need in ipairs(needs.remarks(settings, vm.name)) do
      report:add("warn", "VM settings", need.text, need.line)
    end
    if #wrong > 0 then
      return table.concat(wrong, "; "),
        "takeover prepare " .. c.vm_name .. " sets them, while it is off"
    end
    return "fit for an assigned device"
      .. (settings.generation and ", generation " .. settings.generation or "")
  end)
end

local function check_gpu(c, gpu)
  local device = c.eem:device(gpu.id)
  local where = device.free and "free" or "in group " .. tostring(device.group_id)
  for name, node in pairs(c.parameters.nodes) do
    where = node.group_id == device.group_id and "connected to " .. name or where
  end
  local text = ("%s %s:%s, %s, link %s"):format(gpu.title, gpu.vendor, gpu.device, where,
    device.link)
  if device.power == "off" or device.reachable == false then
    return text .. ", out of reach for EEM", "is the I/O box powered and cabled?", "fail"
  elseif device.group_id ~= c.this.group_id then
    return text
  end
  local there, why = require("failover.devices.locator").locate(c, gpu)
  if gpu.moved_to then
    return text .. "; " .. why, ('in parameters.lua, write devices["%s"].locations.%s = "%s", if '
      .. "that is this card"):format(gpu.id, c.node, gpu.moved_to), "fail"
  elseif not there then
    return text .. "; " .. why, "takeover start looks for it again (rescan)"
  end
  local problem, remedy = problem_codes.of_devices(gpu.functions)
  text = text .. ", at " .. gpu.location
  return problem and text .. "; " .. problem or text, remedy
end

local function ids_of(gpus)
  local ids = {}
  for i, gpu in ipairs(gpus) do
    ids[i] = gpu.id
  end
  return ids
end

local function check_gpus(report, c)
  local selection = require("failover.devices.selection")
  report:try("GPU", function()
    local choice, rejection = selection.choose(c)
    if not choice then
      selection.raise(c, rejection)
    end
    c.gpus = selection.gpus(c, choice)
    local small = needs.small_mmio(c.vm, c.parameters.devices, ids_of(c.gpus))
    if small then
      report:add("warn", "MMIO", small)
    end
    local text = ("%s would have %d of %d"):format(c.vm_name, #c.gpus, (requests.wanted(c.vm)))
    return text, choice.degraded and "it would start DEGRADED" or nil
  end)
  for _, gpu in ipairs(c.gpus or {}) do
    report:try("GPU", function()
      return check_gpu(c, gpu)
    end)
  end
end

local RUNS_ELSEWHERE = require("failover.steps.vm").not_running_elsewhere.name

-- Why a start would not go ahead, by the facts that start itself asks: { state, text, hint }. What
-- follows from a step that was not done yet is left out, and so is what is known from above.
local function objections(report, plan)
  local list, certain = {}, true
  for _, entry in ipairs(plan) do
    local failed = entry.failure
    local real = failed and (certain or entry.state == "refused"
      or failure.codes[failed.code].unknown)
    if entry.state == "refused" and entry.name == RUNS_ELSEWHERE then
      return { { "ok", failed.message .. ": a start here is refused meanwhile" } }
    elseif real and not (failed.details or {}).follows then
      list[#list + 1] = { "fail", report.words_of(failed), verdict.remedy(failed, report.about) }
    end
    certain = certain and entry.state == "already"
  end
  return list
end

-- What `plan start` asks: a start and this check judge by the same rules.
local function check_start(report, s, name, silent)
  local c = s:context(name)
  c.memory.peers = silent
  report:try("start", function()
    local plan = require("failover.engine").plan({ sequence = s:sequence("start"), context = c })
    for _, one in ipairs(objections(report, plan)) do
      if not report.said[one[2]] then
        report:add(one[1], "start", one[2], one[3])
      end
    end
    return ("would go ahead: none of its %d facts is against it"):format(#plan), nil,
      #objections(report, plan) > 0 and "said" or nil
  end)
  c:close()
end

-- `silent`: what is known of nodes that do not answer, so that they are not asked for each machine.
---@param s Session
---@param name string of the machine in parameters.lua
---@param silent table<string, PeerState>?
function M.examine(report, s, name, silent)
  output.line("%s", output.paint(name, "bold"))
  local c = s:context(name)
  c.memory.peers = silent
  check_files(report, c)
  check_settings(report, c)
  check_gpus(report, c)
  c:close()
  check_start(report, s, name, silent)
end

return M
