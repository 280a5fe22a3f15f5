story "EEM hangs when the heartbeat was seen: the last look cannot be told in its time, which is a warning"

when({ step = "VM's heartbeat seen" }, function()
  fault { target = "eem", match = {}, effect = "delay", seconds = 600 }
end)
expect(start("vme2", "ms1"), { exit = "ok", says = "GPU in service", warnings = 1 })
expect_running("vme2", "ms1")
