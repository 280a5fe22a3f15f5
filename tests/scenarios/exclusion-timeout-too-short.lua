story "stop with a --timeout too short to wait for the undo of a start: busy, nothing is changed by it"

cluster { latency = { answer = 0 } }
fault { target = "ms1", match = { method = "RemoveResourceSettings", nth = 1 }, effect = "delay", seconds = 8 }
local stopping
when({ step = "VM running", by = "ms1 start" }, function()
  stopping = launch("stop", "vme2", "ms1", { timeout = 4 })
end)
expect(start("vme2", "ms1"), { exit = "cancelled", undone = true })
expect(stopping, { exit = "busy", changes = 0, within = 2 })
expect(stop("vme2", "ms1"), { exit = "ok" })
