story "EEM goes down when the heartbeat was seen: the last look cannot be told, which is a warning and no reason to turn the VM off"

when({ step = "VM's heartbeat seen" }, function()
  admin("eem", { up = false })
end)
expect(start("vme2", "ms1"), { exit = "ok", says = "GPU in service", warnings = 1 })
expect_running("vme2", "ms1")
