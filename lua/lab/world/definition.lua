-- What a cluster's definition may say of a node, a device and a virtual machine (docs/lab.md), and
-- what is laid over it by name. A word that nobody reads would change nothing and seem to: it is a
-- mistake.
local schema = require("failover.parameters.schema")

local M = {}

local function words(text)
  local list, set = {}, {}
  for word in text:gmatch("%S+") do
    list[#list + 1] = word
    set[word] = true
  end
  return { list = list, set = set }
end

local FIELDS = {
  nodes = words [[name address group_id board max_devices memory switches location_root default_root
    os_pci_control devices disabled up host_name]],
  devices = words [[id box serial model type functions bridge port group_id power reachable
    quarantined]],
  vms = words [[name called id root disks adapters registered running devices prepared saved_file
    generation version notes stop_action start_action recovery_action critical_action cache_types
    low_mmio high_mmio checkpoints memory dynamic_memory processors is_saved]],
}
local KEYS = { nodes = "name", devices = "id", vms = "name" }

-- The first by name of those of a table that are not known, so that a mistake is always told alike.
local function stranger(t, known)
  local first
  for name in next, t do
    if not known[name] and (not first or tostring(name) < tostring(first)) then
      first = name
    end
  end
  return first
end

local function check(kind, name, entry)
  local field = stranger(entry, FIELDS[kind].set)
  if field then
    error(('lab: %s %s has no field "%s"%s'):format(kind:sub(1, -2), tostring(name),
      tostring(field), schema.suggestion(field, FIELDS[kind].list)), 0)
  end
end

local function laid_over(entry, changes)
  local laid = {}
  for _, fields in ipairs({ entry, changes }) do
    for field, value in next, fields do
      laid[field] = value
    end
  end
  return laid
end

-- The definition's entries of a kind ("nodes", "devices", "vms"), with what is said by name laid
-- over them. Raises a sentence where there is no such entry or field.
function M.entries(cluster, kind, changes)
  local list, names, known = {}, {}, {}
  for i, entry in ipairs(cluster[kind] or {}) do
    local name = entry[KEYS[kind]]
    check(kind, name, entry)
    if changes and changes[name] then
      check(kind, name, changes[name])
      entry = laid_over(entry, changes[name])
    end
    list[i], names[i], known[name] = entry, name, true
  end
  local name = stranger(changes or {}, known)
  if name then
    error(('lab: there is no %s "%s"%s'):format(kind:sub(1, -2), tostring(name),
      schema.suggestion(name, names)), 0)
  end
  return list
end

return M
