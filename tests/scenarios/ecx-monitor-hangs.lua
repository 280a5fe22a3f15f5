story "ms1's management service hangs for a while: each look ends in its own time, and unknown is a word of its own"

ecx { monitor = { timeout = 120, retry = 3 } }
ecx_start()
ecx_settle()
wait(10)
local id = fault { target = "ms1", match = {}, effect = "delay", seconds = 1000 }
wait(200)
heal(id)
expect(ecx_last "monitor", { exit = "unknown", within = 61 })
wait(600)
expect_group("Failover-vme2", "ms1", "online")
expect_scripts("stop", 0)
expect(ecx_last "monitor", { exit = "ok" })
