-- Every command while one list of a node, or of ExpEther Manager, shows nothing, or lacks our
-- machine, for as long as the command runs; then the other node's turn; then everything heals. No
-- GPU is lost, no machine runs twice, and whatever was left is put in order afterwards. Then the
-- same with code that believes what is not seen: each such belief must do harm somewhere here.
local evidence = require("failover.safety.evidence")
local explorer = require("lab.explorer")
local failures = require("lab.direct.hyperv_failures")
local oddities = require("lab.explorer.oddities")
local player = require("lab.explorer.play")
local runs = require("lab.direct.hyperv_run")
local vm_state = require("failover.vm.state")

local CLASSES = {
  "Msvm_ComputerSystem", "Msvm_PlannedComputerSystem", "Msvm_VirtualSystemSettingData",
  "Msvm_PciExpress", "Msvm_PciExpressSettingData", "Msvm_ConcreteJob", "Win32_Process",
  "Win32_PnPEntity", "CIM_DataFile", "Win32_Directory", "Msvm_VirtualSystemManagementService",
}

-- The other node's turn. Of a node that is alive and silent EXPRESSCLUSTER must not say that it is
-- down: against that word no sequence can do anything.
local function other_node(situation)
  local options = { event = "failover" }
  for _, event in ipairs(situation.before) do
    options = event[1] ~= "silent" and options or nil
  end
  return { { "start", "ms2", options }, { "prepare", "ms2" } }
end

local function rules_of(node)
  local list = {}
  for _, class in ipairs(CLASSES) do
    list[#list + 1] = { target = node, effect = "empty", match = { class = class } }
    list[#list + 1] = { target = node, effect = "short", rows = { "vme2" },
      match = { class = class } }
  end
  list[#list + 1] = { target = node, effect = "empty", match = {} }
  list[#list + 1] = { target = node, effect = "short", rows = "all", match = {} }
  list[#list + 1] = { target = "eem", effect = "empty", match = {} }
  return list
end

local function words_of(rule)
  return ("%s of %s on %s"):format(rule.effect, rule.match.class or "all", rule.target)
end

-- Plays one situation under one rule. Gives what was broken, or nil.
local function play(situation, rule)
  local setting = explorer.setting_for(explorer.setting(), situation)
  local before = player.open(setting)
  assert(before:go(situation.before) == nil)
  local struck = before:branch()
  struck.world.faults:add(rule)
  local found = struck:go({ { situation.command, situation.node, situation.options } })
    or struck:branch():go(other_node(situation))
  for _, after in ipairs(found and {} or situation.after) do
    local healed = struck:branch()
    healed.world.faults:clear()
    found = found or healed:go(after)
  end
  return found and ("%s, %s: %s: %s"):format(situation.name, words_of(rule), found.rule, found.text)
end

-- Where Hyper-V's word on a machine is wrong already, its process is the only witness that is left:
-- two that are both wrong prove nothing.
local function takes_last_witness(situation, rule)
  local class = rule.match.class
  local about_processes = class == nil and rule.target ~= "eem" or class == "Win32_Process"
  local wrong = false
  for _, event in ipairs(situation.before) do
    wrong = wrong or oddities.events[event[1]] ~= nil
  end
  return wrong and about_processes
end

-- What is broken first; nil when nothing is.
local function first_broken()
  for _, situation in ipairs(explorer.situations) do
    for _, rule in ipairs(situation.rivals and {} or rules_of(situation.node)) do
      local found = not takes_last_witness(situation, rule) and play(situation, rule)
      if found then
        return found
      end
    end
  end
end

-- A node whose machine runs shows something else than is so: fn(world, ms1) says what. Then both
-- nodes try what they can.
local function tell_lies(fn)
  local world = player.open(explorer.setting())
  assert(world:go({ { "must", "start", "ms1" } }) == nil)
  fn(world.world, world.world:node("ms1"))
  for _, events in ipairs({
    { { "recover", "ms1" } }, { { "stop", "ms1", { timeout = 100 } } }, { { "prepare", "ms2" } },
    { { "prepare", "ms2", { event = "failover" } } },
    { { "disk", "ms2" }, { "start", "ms2", { event = "failover" } } },
  }) do
    local found = world:branch():go(events)
    if found then
      return found.rule .. ": " .. found.text
    end
  end
end

local function unknown_state(world)
  world:admin("shows", { vm = "vme2", node = "ms1", enabled_state = 1 })
end

local function said_to_be_off(world)
  world:admin("shows", { vm = "vme2", node = "ms1", enabled_state = 3 })
end

local function refuses_password(world)
  world.faults:add({ target = "ms1", effect = "error", http = 401, match = {} })
end

local function answered_by_another(world)
  world:admin("answers as", { node = "ms1", as = "ms2" })
end

local function hidden(class)
  return function(world)
    world.faults:add({ target = "ms1", effect = "short", rows = { "vme2" },
      match = { class = class } })
  end
end

describe("what is not seen", function()
  it("is not so, whichever list lacks it, in every situation", function()
    assert.is_nil(first_broken())
  end)

  for name, lie in pairs({
    ["a state that nobody knows"] = unknown_state, ["a machine said to be off"] = said_to_be_off,
    ["a password that is refused"] = refuses_password,
    ["a list without the machine"] = hidden("Msvm_ComputerSystem"),
    ["settings without the device"] = hidden("Msvm_PciExpressSettingData"),
    ["a host without the device"] = hidden("Msvm_PciExpress"),
    ["another host at its address"] = answered_by_another,
  }) do
    it("does no harm: " .. name, function()
      assert.is_nil(tell_lies(lie))
    end)
  end

  local original = {}

  local function replace(module, name, value)
    original[#original + 1] = { module, name, module[name] }
    module[name] = value
  end

  after_each(function()
    while #original > 0 do
      local one = table.remove(original)
      one[1][one[2]] = one[3]
    end
  end)

  local function nobody()
    return {}
  end

  -- A name, what is believed, and where it does harm.
  local mutants = {
    { "an unknown state is off", function()
      replace(evidence, "is_active", function(vm)
        return vm.state == "running"
      end)
    end, unknown_state },
    { "a machine is off when Hyper-V says so", function()
      replace(vm_state, "has_process", function()
        return false
      end)
      replace(evidence, "is_active", function(vm)
        return vm.state ~= "off"
      end)
    end, said_to_be_off },
    { "an empty list is one", function()
      replace(failures, "empty", function() end)
    end, hidden("Msvm_ComputerSystem") },
    { "settings without a device are all of them", function()
      replace(failures, "empty", function() end)
    end, hidden("Msvm_PciExpressSettingData") },
    { "a device that the host does not show is used by nobody", function()
      replace(evidence, "users", nobody)
    end, hidden("Msvm_PciExpress") },
    { "a node that refuses the password is down", function()
      replace(evidence, "is_silent", function()
        return true
      end)
    end, refuses_password },
    { "whoever answers is the node", function()
      replace(runs, "check_host", function(self, name)
        self.seen_host = name
      end)
    end, answered_by_another },
    { "a list is whole where it shows the host", function()
      replace(failures, "empty", function(text)
        if text:find("does not even show", 1, true) then
          failures.not_found("?")
        end
      end)
    end, hidden("Msvm_ComputerSystem") },
  }
  for _, mutant in ipairs(mutants) do
    it("does harm where it is believed: " .. mutant[1], function()
      mutant[2]()
      assert.is_truthy(tell_lies(mutant[3]))
    end)
  end
end)
