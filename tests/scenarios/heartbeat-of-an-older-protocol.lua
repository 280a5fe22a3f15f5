story "A heartbeat in an older, compatible version of its protocol is one, with a note; in a version that is not compatible it is none"

local ms1 = world():node("ms1").hyperv
local real, shown = ms1.heartbeat, 3
ms1.heartbeat = function(self, vm)
  local status = real(self, vm)
  return status == 2 and shown or status
end
expect(start("vme2", "ms1"), { exit = "ok", says = "an older version of its protocol" })
expect(monitor("vme2", "ms1"), { exit = "ok", says = "an older version of its protocol" })
shown = 7
expect(monitor("vme2", "ms1"), { exit = "broken", says = "heartbeat: error" })
