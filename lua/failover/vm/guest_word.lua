-- What a guest says of its GPUs through Hyper-V's key-value items (examples/guest), and whether it
-- says so now. Items outlive a boot: until the publisher of the new one runs, the host reads what
-- was written before it, which says nothing about the card that the machine has now.
--
--   gpu.status    "ok", "none" or "error"
--   gpu.count     GPUs that work
--   gpu.uptime    seconds since the guest's boot when this was written
--   gpu.writes    counts up with each writing
--
-- A word counts when it is younger than the machine's own time since power-on, or when this run saw
-- gpu.writes change. Older publishers write neither: theirs is believed once a run has seen it for
-- as long as two of their periods, or the machine has been on for so long that even a slow boot and
-- these are over.
local scheduler = require("core.scheduler")

local M = {}

local TWO_PERIODS = 120 -- seconds: publishers write at start-up and every minute
local DRIFT = 0.001 -- of the machine's time: the guest's clock may be a little faster

---@class GuestWord
---@field status string
---@field count integer
---@field believed boolean it is of this boot
---@field why string? why it is not believed

local function number_of(text)
  local number = tonumber(text)
  return number and number >= 0 and number < math.huge and number or nil
end

-- What this run has seen of a machine's items: since when, and how often they were written.
local function remember(c, said)
  local seen = c.memory.guest_seen
  if not seen then
    seen = { since = scheduler.now(), writes = said["gpu.writes"] }
    c.memory.guest_seen = seen
  end
  seen.changed = seen.changed or seen.writes ~= said["gpu.writes"]
  return seen
end

local function is_of_this_boot(c, vm, said)
  local seen, uptime = remember(c, said), number_of(said["gpu.uptime"])
  if seen.changed then
    return true
  elseif uptime then
    return vm.uptime ~= nil and uptime <= vm.uptime * (1 + DRIFT) + 1,
      "it was written before this boot"
  end
  return scheduler.now() - seen.since >= TWO_PERIODS
    or vm.uptime ~= nil and vm.uptime >= c.vm.boot_timeout + TWO_PERIODS,
    "it does not say when it was written (the publishers of examples/guest do), so it counts only "
      .. "after " .. TWO_PERIODS .. " s"
end

-- Nil where the guest says nothing of its GPUs.
---@param vm Vm a machine that runs
---@return GuestWord?
function M.read(c, vm)
  local said = c.hyperv:guest_items(vm).own
  if not said["gpu.status"] then
    return nil
  end
  local believed, why = is_of_this_boot(c, vm, said)
  return {
    status = said["gpu.status"], count = math.floor(number_of(said["gpu.count"]) or 0),
    believed = believed, why = not believed and why or nil,
  }
end

M.TWO_PERIODS = TWO_PERIODS

return M
