story "SIGTERM before anything was changed: nothing has to be taken back"

admin("eem", { up = false })
local run = launch("start", "vme2", "ms1")
at(5, function()
  interrupt(run)
end)
expect(run, { exit = "cancelled", changes = 0, within = 6 })
