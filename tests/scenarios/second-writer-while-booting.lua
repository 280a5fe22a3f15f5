story "Somebody takes the GPU away while the guest boots: no success is said"

cluster { switches = { gpu_loss = "lost" } }
allow "I1"
when({ step = "VM running" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 150 })
end)
-- The guest was seen alive: it is not turned off roughly, but left to a stop.
expect(start("vme2", "ms1"), { exit = "not_undone", code = "SECOND_WRITER", failed_at = "GPU in service",
  says = "past the point of no return" })
expect_running("vme2", "ms1", { gpu = false })
expect(stop("vme2", "ms1"), { exit = "ok" })
expect_running("vme2", nil)
wait(10)
expect_device("0x8cdf9d911c60", "ms2")
