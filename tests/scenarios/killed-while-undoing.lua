story "kill -9 while a failed start is being taken back: the next start goes on from what is left"

local fails = fault { target = "ms1", match = { method = "AddResourceSettings" }, effect = "job fails", text = "no" }
local run = launch("start", "vme2", "ms1")
when({ step = "GPU dismounted from this node", state = "undone" }, function()
  crash(run)
end)
expect(run, { exit = "killed" })
heal(fails)
expect(start("vme2", "ms1"), { exit = "ok", steps = { ["GPU connected to this node"] = "already" } })
expect_running("vme2", "ms1")
