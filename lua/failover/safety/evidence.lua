-- May a device be taken from another node, may a virtual machine be started here? Only with
-- evidence that the other
-- node has let go (docs/safety.md#evidence). Everything here only looks.
local failure = require("failure")
local failover = require("failover")
local scheduler = require("core.scheduler")
local side_by_side = require("failover.engine.side_by_side")

local M = {}

-- WinRM is stopped, while the part of Windows that it shares with web servers answers in its place.
local NO_SERVICE = { [404] = true, [503] = true }

-- Is this how a node fails that is down? Others are there, and do not let us look.
---@param failed table failure object
---@return boolean
function M.is_silent(failed)
  local code = failure.codes[failed.code]
  return code.unreachable or code.source == "wmi" and NO_SERVICE[failed.http] or false
end

-- May the machine of this run be on that node at all? Others are asked only about their devices.
function M.may_run(c, name)
  for _, allowed in ipairs(c.vm.nodes or {}) do
    if allowed == name then
      return true
    end
  end
  return c.vm.nodes == nil
end

---@class PeerState
---@field reachable boolean
---@field failure table? why it could not be asked
---@field vms Vm[]?
---@field time number? when it did not answer

-- A node that did not answer is not asked again so soon: it would cost a connect timeout each time.
local SILENT = 30 -- seconds

local function silent(c, name)
  local known = (c.memory.peers or {})[name]
  return known and not known.reachable and scheduler.now() - known.time < SILENT and known or nil
end

-- Asks another node for its virtual machines. One that did not answer is not asked again so soon;
-- one that did is, because its answer may have changed.
---@return PeerState
function M.peer(c, name)
  c.memory.peers = c.memory.peers or {}
  local known = silent(c, name)
  if known then
    return known
  end
  local hyperv = c:peer(name).hyperv
  local vms, failed = failover.try(hyperv.vms, hyperv)
  local state
  if vms then
    state = { reachable = true, vms = vms }
  elseif M.is_silent(failed) then
    state = { reachable = false, failure = failed, time = scheduler.now() }
  elseif failed.code == "WMI_EMPTY" and c.vm_id and failed.target == c.vm_id then
    failover.refuse("%s runs on %s: its process is there, though Hyper-V does not list it (%s)",
      c.vm_name, name, failed.message)
  else
    error(failed, 0) -- it is there, but does not let us look: that is for people
  end
  c.memory.peers[name] = state
  return state
end

-- Asks several nodes side by side: those that do not answer cost one connect timeout in all, not
-- one each.
---@param names string[]
---@return table<string, PeerState> by name
function M.peers(c, names)
  local states, jobs = {}, {}
  for i, name in ipairs(names) do
    jobs[i] = {
      name = name,
      run = function()
        states[name] = M.peer(c, name)
      end,
    }
  end
  side_by_side.run(jobs)
  return states
end

-- Why a node is not asked again so soon; nil where it may be asked.
---@return table? failure
function M.silent(c, name)
  local known = silent(c, name)
  return known and known.failure
end

-- States in which a machine uses nothing. Any other counts as on, also one that nobody knows.
local inactive = { off = true, saved = true }

-- Is the virtual machine using memory, disks and devices? Yes, as long as Windows has a process for
-- it, whatever its state is said to be. One whose storage is gone says only that it is critical;
-- then how long it has been on tells (Msvm_ComputerSystem, OnTimeInMilliseconds: since it was last
-- turned on). Where even that is not known: yes.
function M.is_active(vm)
  if vm.process then
    return true
  elseif vm.state == "critical" then
    return vm.uptime ~= 0
  end
  return not inactive[vm.state]
end

-- What a machine that is on has. Where Hyper-V says that it is off, and that it has nothing, while
-- its process is there, its word is worth no more: raises WMI_EMPTY.
local function assignments_of(hyperv, node, vm)
  local list = hyperv:assigned(vm)
  if #list == 0 and vm.process and inactive[vm.state] then
    failure.raise({
      code = "WMI_EMPTY", target = vm.id, node = node,
      message = string.format("%s is said to be %s and to have no device, but its process "
        .. "(vmwp.exe, %d) is there", vm.name, vm.state, vm.process),
    })
  end
  return list
end

local function same(a, b)
  return a ~= nil and b ~= nil and a:upper() == b:upper()
end

-- Locations on a node that parameters.lua gives to other devices.
local function is_anothers(c, node, gpu, location)
  for id, entry in pairs(c.parameters.devices or {}) do
    if id ~= gpu.id and entry.locations and same(entry.locations[node], location) then
      return true
    end
  end
  return false
end

-- May what a machine has be the device? Gives "yes", "perhaps" where nothing tells it from others
-- of its model, or "no". A declared location may be out of date, one that this run has seen is not.
local function match(c, node, assignment, gpu)
  local seen = node == c.node and gpu.location
  local location = seen or gpu.locations and gpu.locations[node]
  if location and same(assignment.location, location) then
    return "yes"
  elseif seen or assignment.location and is_anothers(c, node, gpu, assignment.location) then
    return "no"
  end
  local known = assignment.vendor and assignment.device and gpu.vendor and gpu.device
  local alike = not known or assignment.vendor == gpu.vendor and assignment.device == gpu.device
  return alike and "perhaps" or "no"
end

-- Names of the active virtual machines on a node that have this device, or may have it, and whether
-- that is certain: a model that is there twice cannot be told apart without the location in
-- parameters.lua. An assignment whose device the host does not show counts, too.
function M.users(c, node, gpu, vms)
  local hyperv = c:peer(node).hyperv
  local names, certain = {}, true
  for _, vm in ipairs(vms or hyperv:vms()) do
    if M.is_active(vm) then
      for _, assignment in ipairs(assignments_of(hyperv, node, vm)) do
        local answer = match(c, node, assignment, gpu)
        if answer ~= "no" then
          names[#names + 1] = vm.name
          certain = certain and answer == "yes"
        end
      end
    end
  end
  return names, certain
end

-- Does an active machine on a node that answers have the device?
function M.used_on(c, gpu, node)
  local state = M.peer(c, node)
  return state.reachable and #(M.users(c, node, gpu, state.vms)) > 0
end

-- Refuses, because running machines use the device. Where they are only known to use one of its
-- model, what would tell them apart is said, too.
function M.refuse_used(gpu, node, names, certain)
  failure.raise({
    code = "REFUSED",
    target = gpu.id,
    message = string.format("%s is used on %s by the running virtual machine %s", gpu.title, node,
      table.concat(names, ", ")),
    hint = string.format("stop %s on %s first, or let this machine have another GPU",
      table.concat(names, ", "), node) .. (certain and "" or string.format('; where several cards '
      .. '%s:%s are on a node, tell them apart: devices["%s"].locations = { %s = '
      .. '"PCIROOT(...)..." } in parameters.lua', gpu.vendor, gpu.device, gpu.id, node)),
  })
end

local function board_is_off(c, group_id)
  local boards, failed = failover.try(c.eem.devices, c.eem, { status = "board",
    group_id = group_id })
  if not boards then
    error(failed, 0)
  end
  for _, board in ipairs(boards) do
    if board.power ~= "off" then
      return false
    end
  end
  return #boards > 0
end

-- The name of the node that has this group, nil for a group of nobody we know.
function M.node_of_group(c, group_id)
  for name, node in pairs(c.parameters.nodes) do
    if node.group_id == group_id then
      return name
    end
  end
end

-- Does the cluster's word speak of this node? EXPRESSCLUSTER's says that a node has failed, not
-- which (`unnamed`): a device that the machine is promised by its id is meant to be where the
-- machine was; of any other device nothing is said while another node is silent, too.
local function speaks_of(c, gpu, holder, word)
  for _, name in ipairs(word.unnamed and gpu.described and c:peers() or {}) do
    if name ~= holder and M.silent(c, name) then
      return false
    end
  end
  return true
end

-- Says why the device may be taken from `holder`, or raises REFUSED (it is in use there) or
-- NO_EVIDENCE.
---@return string evidence
function M.for_taking(c, gpu, holder)
  local state = M.peer(c, holder)
  if state.reachable then
    local users, certain = M.users(c, holder, gpu, state.vms)
    if #users > 0 then
      M.refuse_used(gpu, holder, users, certain)
    end
    return holder .. " is reachable and no running virtual machine there uses it"
  end
  local word = c.cluster:peer(holder)
  if word and word.down and speaks_of(c, gpu, holder, word) then
    return word.says .. " and " .. holder .. " does not answer"
  end
  if board_is_off(c, c.parameters.nodes[holder].group_id) then
    return "ExpEther Manager shows the board of " .. holder .. " powered off"
  end
  if c.evidence then
    return ("the operator says of %s: %s"):format(holder, c.evidence)
  end
  failure.raise({
    code = "NO_EVIDENCE",
    target = gpu.id,
    message = string.format("%s is in the group of %s, which does not answer (%s)%s", gpu.title,
      holder, state.failure.message, word and "; " .. word.says or ""),
    hint = string.format(
      'if %s is really down, say so: --evidence "%s is powered off, seen by ..."', holder, holder),
  })
end

return M
