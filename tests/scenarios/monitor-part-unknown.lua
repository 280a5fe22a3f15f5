story "What was seen not to be well counts, though another part could not be asked; what is well does not make up for the unknown"

expect(start("vme2", "ms1"), { exit = "ok" })
local id = fault { target = "ms1", match = { class = "Msvm_PciExpressSettingData" }, effect = "error", http = 503 }
expect(monitor("vme2", "ms1"), { exit = "unknown", says = "VM has its GPU" })
admin("guest", { vm = "vme2", silent = true })
expect(monitor("vme2", "ms1"), { exit = "broken", says = "heartbeat: lost" })
heal(id)
admin("guest", { vm = "vme2", silent = false })
id = fault { target = "ms1", match = { class = "Msvm_HeartbeatComponent" }, effect = "delay", seconds = 100000 }
expect(monitor("vme2", "ms1"), { exit = "unknown", within = 60, says = "VM's heartbeat seen: WMI_TIMEOUT" })
heal(id)
expect(monitor("vme2", "ms1"), { exit = "ok" })
