story "ms1 dies while ExpEther Manager is down; it comes back, and the start that waited for it succeeds"

ecx { start_retry = 2 }
ecx_start()
ecx_settle()
admin("eem", { up = false })
kill "ms1"
at(100, function()
  admin("eem", { up = true })
end)
ecx_settle()
expect_group("Failover-vme2", "ms2", "online")
expect_running("vme2", "ms2")
expect(ecx_last("start", "ms2"), { exit = "ok", says = "CLP_EVENT=FAILOVER" })
