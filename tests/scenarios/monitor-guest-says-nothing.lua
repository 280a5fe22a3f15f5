story "The publisher in the guest has ended and its items are gone: the monitor cannot tell, and moves nothing"

cluster { vm = { guest_gpu = true } }
expect(start("vme2", "ms1"), { exit = "ok" })
local ms1 = world():node("ms1").hyperv
local real = ms1.guest_items
ms1.guest_items = function(self, vm)
  local items = real(self, vm)
  items.own = {}
  return items
end
expect(monitor("vme2", "ms1"), { exit = "unknown", says = "the guest says nothing about its GPU" })
