story "The configuration file is in use for 4 minutes: the import is tried again all the time"

expect(start("vme2", "ms1", { quiet = true }), { exit = "ok" })
expect(stop("vme2", "ms1", { quiet = true }), { exit = "ok" })
local id = fault { target = "ms1", match = { method = "ImportSystemDefinition" },
  effect = "job fails", code = 32779, text = "the file is in use" }
at(240, function()
  heal(id)
end)
expect(start("vme2", "ms1"), { exit = "ok", longer_than = 239, within = 300 })
