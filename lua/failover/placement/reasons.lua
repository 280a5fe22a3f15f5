-- Why a device, a node or a virtual machine is left out: the codes, in the only table of them. They
-- are stable, programs may compare them. docs/placement.md repeats the table, a spec compares both.
local M = {}

---@type { code: string, meaning: string, static: boolean? }[]
-- static: follows from what the device is, not from what it is doing now
M.list = {
  { code = "ID_MISMATCH", static = true, meaning = "the request names another device by its id" },
  {
    code = "NOT_PARTITIONABLE", static = true,
    meaning = "a share of a GPU is wanted, and this is a whole card",
  },
  {
    code = "SHARED_ONLY", static = true,
    meaning = "a whole card is wanted, and this GPU of a server is given in shares",
  },
  { code = "VENDOR_MISMATCH", static = true, meaning = "another vendor id than the wanted one" },
  { code = "DEVICE_MISMATCH", static = true, meaning = "another device id than the wanted one" },
  {
    code = "CLASS_MISMATCH", static = true,
    meaning = "the card's own PCI class is known and does not begin with the wanted one",
  },
  { code = "LABEL_MISMATCH", static = true, meaning = "a wanted label is absent or different" },
  { code = "MODEL_MISMATCH", static = true, meaning = "the model is unknown or another one" },
  { code = "MEMORY_TOO_SMALL", static = true, meaning = "less memory than wanted" },
  {
    code = "MEMORY_UNKNOWN", static = true,
    meaning = "memory is asked for, and nothing tells how much the device has",
  },
  {
    code = "IDENTITY_UNKNOWN", static = true,
    meaning = "neither ExpEther Manager nor parameters.lua says which card is in the slot",
  },
  {
    code = "MISSING",
    meaning = "declared or expected, but ExpEther Manager or the node does not show it",
  },
  { code = "FOREIGN", meaning = "in a group that belongs to no node of parameters.lua" },
  {
    code = "QUARANTINED",
    meaning = "failed lately; not offered for a while, except to a request by id",
  },
  { code = "UNREACHABLE", meaning = "ExpEther Manager or the node cannot be reached there" },
  { code = "POWER_OFF", meaning = "the slot has no power" },
  {
    code = "LINK_DOWN",
    meaning = "connected to a node that answers, and still without a link",
  },
  { code = "HELD_BY", meaning = "a running virtual machine uses it" },
  { code = "TAKEN", meaning = "the plan gives it to another virtual machine" },
  { code = "VRAM_SHORT", meaning = "not enough free graphics memory, or no partition left" },
  { code = "CAPACITY", meaning = "the node's board takes no more devices" },
  {
    code = "MMIO_TOO_SMALL",
    meaning = "the machine's high MMIO space is smaller than the card needs",
  },
  { code = "OTHER_NODE", meaning = "it can only be used on another node" },
  {
    code = "BOX", meaning = "the box does not fit same_box or different_box, or is not known",
  },
  { code = "NODE_NOT_ALLOWED", meaning = "`nodes` of the machine does not name this node" },
  { code = "DRAINED", meaning = "the node is drained: nothing new is placed there" },
  { code = "NO_NODE", meaning = "no node may and can run the machine" },
  { code = "NO_DEVICE", meaning = "no device, or not enough of them, for several reasons" },
}

local by_code = {}
for i, entry in ipairs(M.list) do
  entry.rank = i
  by_code[entry.code] = entry
end

---@return { code: string, meaning: string, static: boolean?, rank: integer }?
function M.find(code)
  return by_code[code]
end

-- Does the reason follow from what the device is? Then it never was a candidate.
function M.is_static(code)
  local entry = by_code[code]
  return entry ~= nil and entry.static == true
end

return M
