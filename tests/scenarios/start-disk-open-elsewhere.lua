story "The virtual disk is open elsewhere for 5 minutes, as a backup proxy has it: the start waits for it"

local id = fault { target = "ms1", match = { method = "RequestStateChange" }, effect = "job fails",
  text = "Failed to open attachment vme2.vhdx: being used by another process (0x80070020)" }
at(300, function()
  heal(id)
end)
expect(start("vme2", "ms1"), { exit = "ok", longer_than = 299, within = 360 })
