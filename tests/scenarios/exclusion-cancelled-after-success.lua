story "SIGTERM comes when start has done its last step: nothing is undone, it is a success"

local run
local told = false
when({ step = "GPU in service", state = "already", by = "ms1 start" }, function()
  interrupt(run)
  told = true
end)
run = launch("start", "vme2", "ms1")
expect(run, { exit = "ok" })
expect_running("vme2", "ms1")
if not told then
  fail("SIGTERM was never sent")
end
