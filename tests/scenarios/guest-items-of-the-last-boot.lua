story "The card does not work any more, but the items of the last boot still say ok until the publisher runs: no success by them"

cluster { vm = { guest_gpu = true } }
local ms1 = world():node("ms1").hyperv
local real, since = ms1.guest_items, nil
-- Registry values outlive a boot: for so long the host sees what was written before it.
local function last_boot(seconds, own)
  since = nil
  ms1.guest_items = function(self, vm)
    local items = real(self, vm)
    if items and #items.own > 0 then
      since = since or world().clock.time
      if world().clock.time - since < seconds then
        items.own = own
      end
    end
    return items
  end
end

admin("guest", { vm = "vme2", broken_driver = true })
-- of a publisher that tells when it wrote: the last boot lasted longer than this one so far
last_boot(60, { { "gpu.status", "ok" }, { "gpu.count", "1" }, { "gpu.uptime", "86400" }, { "gpu.writes", "1440" } })
expect(start("vme2", "ms1"), { exit = "failed", code = "VM_WITHOUT_GPU", says = "the guest says: error" })
-- of one that does not tell, in two lengths of its silence
for _, seconds in ipairs { 10, 60, 100 } do
  admin("guest", { vm = "vme2", undated = true })
  last_boot(seconds, { { "gpu.status", "ok" }, { "gpu.count", "1" } })
  expect(start("vme2", "ms1"), { exit = "failed", code = "VM_WITHOUT_GPU", says = "the guest says: error" })
end
-- no publisher ever runs again: what was written before proves nothing
admin("guest", { vm = "vme2", undated = false })
last_boot(1e9, { { "gpu.status", "ok" }, { "gpu.count", "1" }, { "gpu.uptime", "86400" }, { "gpu.writes", "1440" } })
expect(start("vme2", "ms1"), { exit = "failed", code = "VM_WITHOUT_GPU", says = "before this boot" })
-- and a word that says error does not condemn a card that works now
admin("guest", { vm = "vme2", broken_driver = false })
last_boot(60, { { "gpu.status", "error" }, { "gpu.count", "0" }, { "gpu.uptime", "500" }, { "gpu.writes", "8" } })
expect(start("vme2", "ms1"), { exit = "ok", longer_than = 80 })
expect(monitor("vme2", "ms1"), { exit = "ok" })
