story "Somebody takes the GPU away while the guest boots: no success is said"

cluster { switches = { gpu_loss = "lost" } }
allow "I1"
when({ step = "VM running" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 150 })
end)
expect(start("vme2", "ms1"), { exit = "failed", code = "SECOND_WRITER", failed_at = "GPU in service", undone = true })
expect_running("vme2", nil)
wait(10)
expect_device("0x8cdf9d911c60", "ms2")
