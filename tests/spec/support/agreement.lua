-- Plays a schedule of the explorer (lab/explorer/play.lua) twice: in process on virtual time, and
-- with real `takeover` processes against a lab in a process of its own.
--
--   local expected = agreement.in_process(setting, schedule)
--   local found = agreement.for_real(site, schedule, "a name of its own")
--
-- Both give { codes = one text for each command and each stop that came in its middle, ends = what
-- agreement.ends keeps of the truth }. Faults are named by the change that they strike ("eem PUT
-- 1"), not by a call's number: how often a real run looks depends on time.
--
-- What a fault is to a real run:
--   crash before, after    kill -9 while the lab holds the change before or after it is done
--   timeout, timeout after the lab holds it longer than the client waits; it is done then, or never
--   refuse, garbage, lie   the lab's rules of these kinds
--   stop comes             `takeover stop` begins while the lab holds the change for a while
local failure = require("failure")
local player = require("lab.explorer.play")
local same = require("luassert.util").deepcompare
local scheduler = require("core.scheduler")
local site_module = require("support.site")

local M = {}

local HELD = 600 -- seconds: longer than any spec, so a call held before it is done never is
local BESIDE = 1.5 -- seconds that a change is held while another command begins
local SETTLE = 60 -- seconds of virtual time after the last event: what is under way ends
local LONGEST = 10 -- seconds that the real end may take to be like the other one
local LOOK_EVERY = 0.01

local rules = {
  ["crash before"] = { effect = "delay", seconds = HELD },
  ["crash after"] = { effect = "delay after", seconds = HELD },
  timeout = { effect = "delay", seconds = HELD },
  ["timeout after"] = { effect = "delay after", seconds = HELD },
  garbage = { effect = "garbage" },
  lie = { effect = "lie" },
  ["stop comes"] = { effect = "delay", seconds = BESIDE },
}
local refusals = {
  eem = { effect = "error", http = 400, code = "40000", text = "refused" },
  wmi = { effect = "error", hresult = 0x80041001, text = "refused" },
}

-- The rules for one command, in the order of their moments: a call that one of them takes is not
-- seen by the next.
local function orders_of(faults)
  local orders, taken = {}, {}
  for moment, effect in pairs(faults or {}) do
    local target, name, nth = moment:match("^(%S+) (%S+) (%d+)$")
    assert(target, "a fault is not named by its change: " .. tostring(moment))
    local eem = target == "eem"
    orders[#orders + 1] = {
      effect = effect, target = target, name = name, nth = tonumber(nth), verb = eem and name,
      rule = rules[effect] or effect == "refuse" and refusals[eem and "eem" or "wmi"],
    }
    assert(orders[#orders].rule, "a real run cannot have the fault " .. effect)
  end
  table.sort(orders, function(a, b)
    return a.nth < b.nth
  end)
  for _, order in ipairs(orders) do
    local key = order.target .. " " .. order.name
    order.nth = order.nth - (taken[key] or 0)
    taken[key] = (taken[key] or 0) + 1
  end
  return orders
end

local function function_text(entry)
  return ("%s%s%s%s"):format(entry.device, entry.present and " present" or "",
    entry.disabled and " disabled" or "", entry.dismounted and " dismounted" or "")
end

local function place_text(place)
  return ("%s %s%s %s"):format(place.node, place.state, place.critical and " critical" or "",
    place.file)
end

local function sorted(list, text)
  local texts = {}
  for i, entry in ipairs(list) do
    texts[i] = text(entry)
  end
  table.sort(texts)
  return texts
end

-- What must be the same in the end: everything that lasts, without names that are handed out anew.
function M.ends(truth)
  local ends = { devices = {}, nodes = {}, vms = {}, disks = {} }
  for _, device in ipairs(truth.devices) do
    ends.devices[device.id] = {
      group_id = device.group_id, link = device.link, state = device.state, node = device.node,
      used_by = device.used_by,
    }
  end
  for _, node in ipairs(truth.nodes) do
    ends.nodes[node.name] = {
      up = node.up, group_id = node.group_id, functions = sorted(node.functions, function_text),
    }
  end
  for _, vm in ipairs(truth.vms) do
    ends.vms[vm.name] = {
      registered = sorted(vm.registered, place_text), running = sorted(vm.running, tostring),
      planned = sorted(vm.planned, tostring), booted = vm.booted or false, gpu = vm.gpu,
      devices = sorted(vm.devices, tostring),
    }
  end
  for _, disk in ipairs(truth.disks) do
    ends.disks[disk.name] = disk.owner or "nobody"
  end
  ends.violations = sorted(truth.violations, function(violation)
    return violation.id .. " " .. violation.text
  end)
  return ends
end

-- Raises what breaks a rule.
function M.in_process(setting, schedule)
  local lasting = table.move(schedule, 1, #schedule, 1, {})
  lasting[#lasting + 1] = { "wait", SETTLE }
  local problem, play = player.play(setting, lasting)
  if problem then
    failure.raise({ code = "VM_BROKEN", message = problem.rule .. ": " .. problem.text })
  end
  return { codes = play.ends, ends = M.ends(play.world:truth()) }
end

---- with real processes ---------------------------------------------------------------------------

local Real = {}
Real.__index = Real

local function wait_until(condition, what)
  local deadline = scheduler.now() + HELD
  while not condition() do
    assert(scheduler.now() < deadline, what)
    scheduler.sleep(LOOK_EVERY)
  end
end

function Real:begin(name, node, options)
  return self.site:start({ name, options.vm or "vme2" }, {
    node = node, state = self.state .. "-" .. node, stderr = "pipe",
    env = { CLP_EVENT = options.event and options.event:upper() or false },
  })
end

-- Notes how a command ended.
function Real:finish(name, node, child, ended)
  ended = ended or child:wait(HELD)
  local lines = {}
  for line in function() return child:read_line({ timeout = 5, which = "stderr" }) end do
    lines[#lines + 1] = "  " .. line
  end
  child:close()
  local code = ended.signal == 9 and "killed" or ended.code
  self.codes[#self.codes + 1] = ("%s on %s: %s"):format(name, node, code)
  self.said[#self.said + 1] = self.codes[#self.codes] .. "\n" .. table.concat(lines, "\n")
end

-- What happens to a command when the lab holds a change of its.
local strikes = {}

strikes["crash before"] = function(_, child)
  child:kill("KILL")
end
strikes["crash after"] = strikes["crash before"]

strikes["stop comes"] = function(self, _, node)
  return self:begin("stop", node, {})
end

function Real:command(name, node, options)
  options = options or {}
  local waiting = {}
  for _, order in ipairs(orders_of(options.faults)) do
    local rule = {
      target = order.target,
      match = { nth = order.nth, [order.verb and "verb" or "method"] = order.name },
    }
    for key, value in pairs(order.rule) do
      rule[key] = value
    end
    local id = self.site.admin:fault(rule)
    if strikes[order.effect] then
      waiting[#waiting + 1] = { id = id, nth = order.nth, strike = strikes[order.effect] }
    end
  end
  local child = self:begin(name, node, options)
  local ended, rival
  wait_until(function()
    ended = child:wait(0)
    for i = ended and 0 or #waiting, 1, -1 do
      if self.site:seen(waiting[i].id) >= waiting[i].nth then
        rival = table.remove(waiting, i).strike(self, child, node) or rival
      end
    end
    return ended
  end, name .. " does not end")
  self:finish(name, node, child, ended)
  if rival then
    self:finish("stop", node, rival)
  end
  self.site.admin:clear_faults()
end

local happen = {}

function happen.must(self, name, node, options)
  self:command(name, node, options)
end

function happen.kill(self, node)
  self.site.admin:power(node, "off")
end

function happen.boot(self, node)
  self.site.admin:power(node, "on")
  wait_until(function()
    for _, one in ipairs(self.site.admin:truth().nodes) do
      if one.name == node then
        return one.up
      end
    end
  end, node .. " does not come back")
end

function happen.disk(self, node, disk)
  self.site.admin:give_disk(node, disk)
end

for _, name in ipairs(player.commands) do
  happen[name] = function(self, node, options)
    self:command(name, node, options)
  end
end

-- Waits until the end is as wanted, or it is plain that it does not become so. `name`: of its state
-- directories.
function M.for_real(site, schedule, name, wanted)
  site:reset()
  site.admin:clear_faults()
  local self = setmetatable({
    site = site, codes = {}, said = {}, state = site.directory .. "/" .. name,
  }, Real)
  for _, node in ipairs({ "ms1", "ms2" }) do -- nothing is remembered of other schedules
    site:write(("%s-%s/secrets/lab"):format(name, node), site_module.PASSWORD, { mode = "0600" })
  end
  for _, event in ipairs(schedule) do
    happen[event[1]](self, table.unpack(event, 2))
  end
  local deadline = scheduler.now() + LONGEST
  local ends = M.ends(site.admin:truth())
  while not same(ends, wanted) and scheduler.now() < deadline do
    scheduler.sleep(LOOK_EVERY)
    ends = M.ends(site.admin:truth())
  end
  return { codes = self.codes, ends = ends, said = table.concat(self.said, "\n") }
end

return M
