-- Asks ExpEther Manager and the nodes what they show, all side by side, and only looks. What one of
-- them does not tell is a warning; the others' answers are worth having all the same.
--
-- An answer is plain data, so that what is made of it (failover/inventory/init.lua) needs no world:
--   { eem = { EemDevice... } or nil, eem_failure?, nodes = { [name] = NodeAnswer }, warnings =
--   {text} }
--   NodeAnswer = { reachable, asked, why?, untold?, vms = { { id, name, state, running, uptime,
--     heartbeat?, assigned = { Assignment... } } }, assignable = { HostDevice... },
--     pnp = { PnpDevice... } }
-- untold: why nothing tells what its machines use.
local evidence = require("failover.safety.evidence")
local failover = require("failover")
local recorder = require("failover.engine.recorder")
local scheduler = require("core.scheduler")
local side_by_side = require("failover.engine.side_by_side")

local M = {}

---- one node --------------------------------------------------------------------------------------

-- Finds the key in parameters.vms of a machine of Hyper-V: by GUID where that is given, else by
-- name.
local function key_finder(parameters)
  local by_id, by_name = {}, {}
  for key, ours in pairs(parameters.vms) do
    if ours.id then
      by_id[ours.id] = key
    else
      by_name[(ours.name or key):lower()] = key
    end
  end
  return function(vm)
    return by_id[vm.id] or by_name[vm.name:lower()]
  end
end

-- `all`: what Hyper-V's settings and records say of every machine. One that is on and holds more
-- than its settings name is asked alone.
local function ask_machines(c, node, hyperv, answer, options, all)
  local key_of = key_finder(c.parameters)
  for _, vm in ipairs(answer.listed) do
    local key = key_of(vm)
    answer.vms[#answer.vms + 1] = {
      id = vm.id, name = vm.name, key = key, state = vm.state, status = vm.status,
      uptime = vm.uptime, running = evidence.is_active(vm), assigned = {},
    }
  end
  local function ask(vm)
    local assigned, failed = failover.try(hyperv.assigned, hyperv, vm.id)
    if assigned then
      vm.assigned = assigned
    elseif failed.code ~= "HYPERV_VM_NOT_FOUND" or vm.running then
      answer.complain("%s: the devices of %s cannot be told: %s", node, vm.name, failed.message)
      answer.untold = vm.running and "the devices of " .. vm.name .. " cannot be told"
        or answer.untold
    end
  end
  for _, vm in ipairs(answer.vms) do
    local has = all[vm.id] or { assigned = {}, held = 0 }
    if vm.running and has.held > #has.assigned then
      ask(vm)
    else
      vm.assigned = has.assigned
    end
    if vm.key and options.heartbeat and vm.state == "running" then
      vm.heartbeat = failover.try(hyperv.heartbeat, hyperv, vm.id)
    end
  end
end

-- Is there a card of which only its place on this node is declared?
local function only_place_known(parameters, node)
  for _, entry in pairs(parameters.devices or {}) do
    if entry.locations and entry.locations[node] and not (entry.vendor and entry.device) then
      return true
    end
  end
  return false
end

-- Gives devices the locations that are known by instance. Says whether these are all.
local function put_in_places(list, places)
  for _, device in ipairs(list) do
    device.location = places[device.id:upper()]
    if not device.location then
      return false
    end
    device.locations = { device.location }
  end
  return true
end

-- The host's own list of devices: all of the vendors that are looked for (a card without its driver
-- has no class), and, where that is wanted, those of class Display, whatever they are. A location
-- costs a request of its own, so none is asked for twice, and none of what Hyper-V's list of
-- assignable devices has placed already, by the same instance.
local function ask_pnp(pnp, vendors, display, assignable)
  local found, known, places = {}, {}, {}
  for _, device in ipairs(assignable) do
    places[(device.instance or ""):upper()] = device.location
  end
  local function add(list)
    for _, device in ipairs(list) do
      known[device.id] = true
      found[#found + 1] = device
    end
  end
  for _, vendor in ipairs(vendors) do
    local list = next(places) and pnp:devices({ vendor = vendor, locations = false })
    add(list and put_in_places(list, places) and list or pnp:devices({ vendor = vendor }))
  end
  local shown = display and pnp:devices({ class = "Display", locations = false }) or {}
  for _, device in ipairs(shown) do
    if not known[device.id] then
      add(pnp:devices({ id = device.id }))
    end
  end
  return found
end

local function offers(native, verb)
  return recorder.verbs[native][verb] ~= nil
end

local function some_runs(vms)
  for _, vm in ipairs(vms) do
    if evidence.is_active(vm) then
      return true
    end
  end
  return false
end

local function some_dismounted(devices)
  for _, device in ipairs(devices) do
    if device.dismounted then
      return true
    end
  end
  return false
end

-- Asks one node; `vendors` gives those that are looked for, when ExpEther Manager has told its
-- part.
local function ask_node(c, name, answer, options, vendors)
  local hyperv, failed = failover.try(function()
    return c:peer(name).hyperv
  end)
  local vms
  if hyperv then
    vms, failed = failover.try(hyperv.vms, hyperv)
  end
  if not vms then
    answer.why = failed.message
    if evidence.is_silent(failed) then
      answer.complain("%s does not answer: %s", name, failed.message)
    else -- what is there may run: nothing of it is offered to others
      answer.untold = failed.message
      answer.complain("%s cannot be told: %s", name, failed.message)
    end
    return
  end
  answer.reachable, answer.listed = true, vms
  local function part(what, fn)
    local result, why = failover.try(fn)
    if why then
      answer.complain("%s: %s: %s", name, what, why.message)
    end
    return result
  end
  -- Where this is not told, machines that are on may use anything.
  local function needed(what, fn)
    local result = part(what, fn)
    if not result and some_runs(vms) then
      answer.untold = what
    end
    return result or {}
  end
  local all = needed("the devices of its virtual machines cannot be told", function()
    local assigned
    assigned, answer.assignable = hyperv:assignments()
    return assigned
  end)
  answer.assignable = answer.assignable or {}
  ask_machines(c, name, hyperv, answer, options, all)
  if options.partitions and offers("hyperv", "partitionable_gpus") then
    answer.partitionable = part("its partitionable GPUs cannot be told", function()
      return hyperv:partitionable_gpus()
    end) or {}
    for _, vm in ipairs(answer.vms) do
      if #answer.partitionable > 0 then
        vm.partitions = part("the GPU partitions of " .. vm.name .. " cannot be told", function()
          return hyperv:partitions(vm.id)
        end)
      end
    end
  end
  answer.pnp = needed("plug and play cannot be asked", function()
    return ask_pnp(c:peer(name).pnp, vendors(), options.unclaimed
      or only_place_known(c.parameters, name), answer.assignable)
  end)
  if #answer.assignable == 0 and some_dismounted(answer.pnp) and some_runs(vms) then
    answer.untold = "it has dismounted devices, but Hyper-V lists none"
    answer.complain("%s: %s", name, answer.untold)
  end
  answer.listed = nil
end

-- ExpEther Manager's list. The boards of servers are in it also while these are off, so a list
-- without any is not whole: slots that it lacks are not missing.
local function eem_devices(c)
  local list = c.eem:devices()
  for _, device in ipairs(list) do
    if device.kind == "board" then
      return list
    end
  end
  failover.fail("EEM_EMPTY", "ExpEther Manager lists %d devices, and no server board", #list)
end

---- all -------------------------------------------------------------------------------------------

local function names_of(c, which)
  if type(which) == "table" then
    return which
  elseif which == "own" then
    return { c.node }
  end
  local names = {}
  for name in pairs(c.parameters.nodes) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- PCI vendors that cards may have, as far as they are known: from parameters.lua and from what
-- ExpEther Manager shows.
local function vendors_of(parameters, eem, shown)
  local seen, list = {}, {}
  local function add(vendor)
    if vendor and not seen[vendor] then
      seen[vendor] = true
      list[#list + 1] = vendor
    end
  end
  for _, entry in pairs(parameters.devices or {}) do
    add(entry.vendor)
  end
  for _, device in ipairs(eem or {}) do
    add(shown(device))
  end
  for _, vm in pairs(parameters.vms) do
    for _, request in ipairs(vm.gpus) do
      add(request.vendor)
      for _, criteria in ipairs(request.alternatives or {}) do
        add(criteria.vendor)
      end
    end
  end
  table.sort(list)
  return list
end

-- options: nodes = "all" | "own" | list of names, heartbeat, partitions, unclaimed, eem =
-- "optional" (a manager that does not answer is a warning, too), known = answers of a moment ago:
-- what they have is not asked again. shown(device): the vendor that EEM shows of a card. Raises
-- what ExpEther Manager raises.
function M.everything(c, options, shown)
  local result, known = { nodes = {}, warnings = {} }, options.known or { nodes = {} }
  local function complain(...)
    result.warnings[#result.warnings + 1] = string.format(...)
  end
  result.eem = known.eem
  local vendors, jobs = vendors_of(c.parameters, known.eem, shown), {}
  if not known.eem then
    jobs[1] = {
      name = "eem",
      run = function()
        result.eem, result.eem_failure = failover.try(eem_devices, c)
        vendors = vendors_of(c.parameters, result.eem, shown)
      end,
    }
  end
  for name in pairs(c.parameters.nodes) do
    result.nodes[name] = known.nodes[name] or {
      asked = false, reachable = false, why = "not asked", vms = {}, assignable = {}, pnp = {},
    }
  end
  for _, name in ipairs(names_of(c, options.nodes)) do
    local answer = result.nodes[name]
    if not answer.asked then
      answer.asked, answer.why, answer.complain = true, nil, complain
      jobs[#jobs + 1] = {
        name = name,
        run = function(tasks)
          ask_node(c, name, answer, options, function()
            if not known.eem then
              scheduler.join(tasks[1])
            end
            return vendors
          end)
          answer.complain = nil
        end,
      }
    end
  end
  side_by_side.run(jobs)
  if result.eem_failure and options.eem ~= "optional" then
    error(result.eem_failure, 0)
  elseif result.eem_failure then
    complain("ExpEther Manager cannot be asked: %s", result.eem_failure.message)
  end
  table.sort(result.warnings)
  return result
end

return M
