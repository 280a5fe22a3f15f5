story "A dismount of another card hangs for ever on the node: waited for two minutes, said with the remedy, then the start goes on"

local id = fault { target = "ms1", match = { method = "DismountAssignableDevice" },
  effect = "job hangs" }
expect(start("vme2", "ms1", { quiet = true, timeout = 60 }), { code = "WMI_JOB_TIMEOUT" })
heal(id)
local run = start("vme2", "ms1")
expect(run, { exit = "ok", longer_than = 30, within = 200, says = "Restart-Service vmms" })
