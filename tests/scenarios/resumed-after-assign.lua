story "A start died after it had assigned the GPU: the next one keeps the assignment and goes on from there"

local first = launch("start", "vme2", "ms1")
when({ step = "GPU assigned to the VM", by = "ms1 start" }, function()
  crash(first)
end)
expect(first, { exit = "killed" })
expect(start("vme2", "ms1"), { exit = "ok", steps = { ["GPU assigned to the VM"] = "already" } })
expect_made("assign", 1)
expect_made("unassign", 0)
