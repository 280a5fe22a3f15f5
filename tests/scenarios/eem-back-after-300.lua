story "ms1 dies together with ExpEther Manager, which the cluster brings up elsewhere 300 s after ms2 took over: the start waits for it"

ecx { start_retry = 0 }
ecx_start()
ecx_settle()
admin("eem", { up = false })
kill "ms1"
at(33 + 300, function()
  admin("eem", { up = true })
end)
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
