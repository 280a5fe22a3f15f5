story "States that Hyper-V documents as no fault are none: in service, a failure predicted (a note); a state that is not known is unknown"

expect(start("vme2", "ms1"), { exit = "ok" })
local ms1 = world():node("ms1").hyperv
local operational, enabled = ms1.operational, ms1.enabled_state
ms1.operational = function() return { 11, 32773 } end
expect(monitor("vme2", "ms1"), { exit = "ok" })
ms1.operational = function() return { 5 } end
expect(monitor("vme2", "ms1"), { exit = "ok", says = "Hyper-V expects a failure" })
ms1.operational = operational
ms1.enabled_state = function() return 1 end
expect(monitor("vme2", "ms1"), { exit = "unknown", says = "state that is not known" })
ms1.enabled_state = enabled
expect(monitor("vme2", "ms1"), { exit = "ok" })
