story "Somebody takes the GPU for ms2 just before start connects it: not taken back from there, and said"

cluster { latency = { answer = 0 } }
when({ step = "GPU free, or evidence that it may be taken", state = "already" }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 150 })
end)
expect(start("vme2", "ms1"), { exit = "failed", code = "SECOND_WRITER", says = "group 150", undone = true })
expect_running("vme2", nil)
wait(10)
expect_device("0x8cdf9d911c60", "ms2")
