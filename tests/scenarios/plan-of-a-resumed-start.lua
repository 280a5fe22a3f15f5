story "Plan honesty: a start died half way; plan names the other half only, and start does just that"

local first = launch("start", "vme2", "ms1")
when({ step = "GPU dismounted from this node", by = "ms1 start" }, function()
  crash(first)
end)
expect(first, { exit = "killed" })
wait(5)
local before = changes()
local planned = plan("vme2", "ms1")
expect_unchanged(before)
local run = start("vme2", "ms1")
expect(run, { exit = "ok", steps = { ["GPU connected to this node"] = "already" } })
expect_as_planned(planned, run)
