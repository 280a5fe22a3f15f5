story "While ms2 takes the GPU from ms1, which is down, somebody puts it back each time: given up after one more try"

cluster { devices = { ["0x8cdf9d911c60"] = { group_id = 50 } }, vms = { vme2 = { prepared = true, registered = {} } } }
kill "ms1"
move_disk "ms2"
when({ verb = "DELETE", times = 9 }, function()
  admin("device", { id = "0x8cdf9d911c60", group_id = 50 })
end)
expect(start("vme2", "ms2", { event = "failover" }), { exit = "failed", code = "EEM_NOT_APPLIED" })
expect_running("vme2", nil)
